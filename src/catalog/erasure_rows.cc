#include "catalog/erasure_rows.h"

#include <string>
#include <utility>

namespace footfall::catalog {

Result<std::vector<Erasure>> read_erasures(const Database& database) {
    TRY(Query query, database.prepare("SELECT e.id, e.subject, e.created_ms, e.done_ms, p.number, p.log_end, "
                                      "p.archived_ms FROM erasures e JOIN erasure_partitions p ON p.erasure_id = e.id "
                                      "ORDER BY e.created_ms, e.id, p.number"));
    std::vector<Erasure> out;
    for (;;) {
        TRY(const bool row, query.step());
        if (!row) return out;
        if (out.empty() || out.back().id != query.text_at(0))
            out.push_back({.id = query.text_at(0),
                           .subject = query.text_at(1),
                           .partitions = {},
                           .created_ms = query.integer_at(2),
                           .done_ms = query.integer_at(3)});
        out.back().partitions.push_back({.number = static_cast<std::uint16_t>(query.integer_at(4)),
                                         .end = static_cast<std::uint64_t>(query.integer_at(5)),
                                         .archived_ms = query.integer_at(6)});
    }
}

Result<Erasure> write_erasure(const Database& database, Erasure erasure) {
    erasure.done_ms = 0;
    const Status put = database.transaction([&]() -> Status {
        TRY(Query insert,
            database.prepare("INSERT INTO erasures (id, subject, created_ms) VALUES (?, ?, ?) ON CONFLICT "
                             "(id) DO UPDATE SET subject = excluded.subject, done_ms = 0"));
        TRY_STATUS(insert.text(erasure.id).text(erasure.subject).integer(erasure.created_ms).run());
        TRY(Query clear, database.prepare("DELETE FROM erasure_partitions WHERE erasure_id = ?"));
        TRY_STATUS(clear.text(erasure.id).run());
        for (Erasure::Partition& partition : erasure.partitions) {
            partition.archived_ms = 0;
            TRY(Query add,
                database.prepare("INSERT INTO erasure_partitions (erasure_id, number, log_end) VALUES (?, ?, ?)"));
            TRY_STATUS(
                add.text(erasure.id).integer(partition.number).integer(static_cast<std::int64_t>(partition.end)).run());
        }
        return {};
    });
    if (!put) return put.error();
    return erasure;
}

Status write_erasure_done(const Database& database, std::string_view id, std::int64_t now_ms) {
    TRY(Query update, database.prepare("UPDATE erasures SET done_ms = ? WHERE id = ?"));
    TRY_STATUS(update.integer(now_ms).text(id).run());
    if (database.changes() > 0) return {};
    return Error(Code::kNotFound, "the catalog has no erasure '" + std::string(id) + "'", "id");
}

Status write_erasure_archived(const Database& database, std::string_view id, const Erasure::Partition& partition,
                              std::int64_t now_ms) {
    TRY(Query update, database.prepare("UPDATE erasure_partitions SET archived_ms = ? WHERE erasure_id = ? AND "
                                       "number = ? AND log_end = ?"));
    return update.integer(now_ms)
        .text(id)
        .integer(partition.number)
        .integer(static_cast<std::int64_t>(partition.end))
        .run();
}

Status delete_erasure(const Database& database, std::string_view id) {
    TRY(Query query, database.prepare("DELETE FROM erasures WHERE id = ?"));
    TRY_STATUS(query.text(id).run());
    return database.forget_deleted();
}

}  // namespace footfall::catalog
