#include "process/store_progress.h"

#include <initializer_list>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/logging.h"
#include "process/sql.h"
#include "store/native.h"

namespace footfall::process {
namespace {

constexpr int kTimeoutMs = 60'000;
/// It goes by the queue of heavy queries.
const store::Settings kAtOnce = {{"priority", "1"}};

const store::Settings& insert_settings() {
    static const store::Settings settings = {{"insert_deduplicate", "0"}};
    return settings;
}

std::vector<store::NativeColumn> columns_of(std::initializer_list<std::pair<const char*, const char*>> declared) {
    std::vector<store::NativeColumn> columns;
    for (const auto& [name, type] : declared) columns.emplace_back(name, type);
    return columns;
}

std::string block_of(const std::vector<store::NativeColumn>& columns) {
    std::string block;
    store::write_native_block(block, columns, 1);
    return block;
}

store::Statement statement(std::string_view name, std::vector<std::pair<std::string, std::string>> parameters) {
    return {.sql = std::string(sql::text(name)),
            .parameters = std::move(parameters),
            .settings = kAtOnce,
            .timeout_ms = kTimeoutMs};
}

}  // namespace

Result<std::shared_ptr<StoreProgress>> StoreProgress::take_over(store::Client& store, std::uint16_t partition) {
    std::shared_ptr<StoreProgress> out(new StoreProgress(store, partition));
    TRY(const store::Answer found,
        store.query(statement("progress-found.sql", {{"partition", std::to_string(partition)}})));
    out->token_ = random_token(16);
    out->claim_ = 1;
    Checkpoint checkpoint{.position = {.partition = partition, .offset = 0},
                          .store_identity = {},
                          .rejected_identity = {},
                          .as_of_ms = 0};
    if (!found.rows.empty()) {
        const auto& row = found.rows.front();
        out->claim_ = std::get<std::uint64_t>(row.at(0)) + 1;
        checkpoint.position.offset = std::get<std::uint64_t>(row.at(3));
        checkpoint.as_of_ms = std::get<std::int64_t>(row.at(4));
        checkpoint.store_identity = std::get<std::string>(row.at(5));
        checkpoint.rejected_identity = std::get<std::string>(row.at(6));
    }
    TRY_STATUS(out->insert_checkpoint(checkpoint));
    // What the one before wrote meanwhile counts as well: it is asked for behind the claim, which ends its writing.
    TRY(const store::Answer before,
        store.query(statement("progress-former.sql",
                              {{"partition", std::to_string(partition)}, {"claim", std::to_string(out->claim_)}})));
    if (!before.rows.empty()) {
        const auto& row = before.rows.front();
        checkpoint.position.offset = std::get<std::uint64_t>(row.at(0));
        checkpoint.as_of_ms = std::get<std::int64_t>(row.at(1));
        checkpoint.store_identity = std::get<std::string>(row.at(2));
        checkpoint.rejected_identity = std::get<std::string>(row.at(3));
        TRY_STATUS(out->insert_checkpoint(checkpoint));
    }
    TRY(const Owner owner, out->ask_owner());
    if (!owner.is_this)
        return Error(Code::kConflict,
                     fmt::format("another loader took partition {} over at the same moment", partition));
    if (owner.doubts > 0) TRY_STATUS(out->take_in_doubts());
    return out;
}

Result<StoreProgress::Owner> StoreProgress::ask_owner() {
    TRY(const store::Answer answer,
        store_.query(statement("progress-owner.sql", {{"partition", std::to_string(partition_)},
                                                      {"token", token_},
                                                      {"claim", std::to_string(claim_)},
                                                      {"held", held_}})));
    const auto& row = answer.rows.at(0);
    return Owner{.is_this = std::get<std::uint64_t>(row.at(0)) == 1,
                 .doubts = std::get<std::uint64_t>(row.at(1)),
                 .hold = std::get<std::string>(row.at(2))};
}

Status StoreProgress::insert_checkpoint(const Checkpoint& checkpoint) {
    auto columns = columns_of({{"log_partition", "UInt16"},
                               {"claim", "UInt64"},
                               {"token", "String"},
                               {"step", "UInt64"},
                               {"log_offset", "UInt64"},
                               {"as_of", "DateTime64(3, 'UTC')"},
                               {"store_identity", "String"},
                               {"rejected_identity", "String"},
                               {"held", "String"}});
    columns[0].add(partition_);
    columns[1].add(claim_);
    columns[2].add_string(token_);
    columns[3].add(++step_);
    columns[4].add(checkpoint.position.offset);
    columns[5].add(checkpoint.as_of_ms);
    columns[6].add_string(checkpoint.store_identity);
    columns[7].add_string(checkpoint.rejected_identity);
    columns[8].add_string(held_);
    TRY_STATUS(store_.insert(
        of_partition("INSERT INTO footfall.loader_checkpoints (log_partition, claim, token, step, log_offset, as_of, "
                     "store_identity, rejected_identity, held) FORMAT Native",
                     partition_),
        block_of(columns), kTimeoutMs, insert_settings()));
    last_ = checkpoint;
    return {};
}

Error StoreProgress::lost() {
    Error gone(Code::kConflict, fmt::format("another loader has taken partition {} over", partition_));
    if (!is_writing_) return gone;
    const std::uint64_t from = last_ ? last_->position.offset : 0;
    auto columns = columns_of({{"log_partition", "UInt16"}, {"claim", "UInt64"}, {"log_offset", "UInt64"}});
    columns[0].add(partition_);
    columns[1].add(claim_);
    columns[2].add(from);
    // Where this fails it is tried again: whoever called tries again after any error but this one.
    if (const Status said = store_.insert(
            of_partition("INSERT INTO footfall.loader_doubts (log_partition, claim, log_offset) FORMAT Native",
                         partition_),
            block_of(columns), kTimeoutMs, insert_settings());
        !said)
        return said.error();
    is_writing_ = false;
    return gone;
}

Result<std::optional<std::uint64_t>> StoreProgress::take_in_doubts() {
    TRY(const store::Answer answer,
        store_.query(statement("progress-doubts.sql", {{"partition", std::to_string(partition_)}})));
    const auto& row = answer.rows.at(0);
    if (std::get<std::uint64_t>(row.at(0)) == 0) return std::optional<std::uint64_t>();
    const auto from = std::get<std::uint64_t>(row.at(1));
    logging::warn("loader.written_by_another", {{"partition", partition_}, {"from", from}});
    if (last_ && from < last_->position.offset) {
        Checkpoint back = *last_;
        back.position.offset = from;
        TRY_STATUS(insert_checkpoint(back));
    }
    // Only now: after a death before it the next owner goes back as well.
    store::Statement forget = statement("progress-doubts-forget.sql", {{"partition", std::to_string(partition_)}});
    forget.settings.clear();
    TRY_STATUS(store_.execute(forget));
    return std::optional(from);
}

Result<Progress::Looked> StoreProgress::check(Between between) {
    TRY(const Owner owner, ask_owner());
    if (!owner.is_this) return lost();
    Looked looked;
    if (owner.doubts > 0) {
        TRY(looked.written_from, take_in_doubts());
    }
    const bool is_steady = between == Between::kBatches && !looked.written_from;
    if (const std::string hold = is_steady ? owner.hold : ""; hold != held_ && last_) {
        held_ = hold;
        TRY_STATUS(insert_checkpoint(*last_));
    }
    looked.is_held = !held_.empty();
    is_writing_ = !looked.is_held;
    (void)failpoint("loader.checked");
    return looked;
}

Status StoreProgress::write(const Checkpoint& checkpoint) {
    TRY(const Owner owner, ask_owner());
    if (!owner.is_this) return lost();
    TRY_STATUS(insert_checkpoint(checkpoint));
    is_writing_ = false;
    return {};
}

Status StoreProgress::write_undo(log::Position from, std::string_view rows) {
    auto columns = columns_of({{"log_partition", "UInt16"},
                               {"claim", "UInt64"},
                               {"token", "String"},
                               {"step", "UInt64"},
                               {"log_offset", "UInt64"},
                               {"former", "String"}});
    columns[0].add(partition_);
    columns[1].add(claim_);
    columns[2].add_string(token_);
    columns[3].add(++step_);
    columns[4].add(from.offset);
    columns[5].add_string(rows);
    return store_.insert(of_partition("INSERT INTO footfall.loader_undo (log_partition, claim, token, step, "
                                      "log_offset, former) FORMAT Native",
                                      partition_),
                         block_of(columns), kTimeoutMs, insert_settings());
}

Result<std::optional<std::string>> StoreProgress::read_undo(log::Position from) {
    TRY(const store::Answer answer,
        store_.query(statement("progress-undo.sql",
                               {{"partition", std::to_string(partition_)}, {"from", std::to_string(from.offset)}})));
    if (answer.rows.empty()) return std::optional<std::string>();
    return from_hex(std::get<std::string>(answer.rows.front().at(0)));
}

}  // namespace footfall::process
