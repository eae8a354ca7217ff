#include "erase/pending.h"

#include <fcntl.h>
#include <simdjson.h>

#include "base/file.h"
#include "base/json.h"

namespace footfall::erase {

Status PendingErasure::write(const Subject& subject) const {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.member("website_id", subject.website_id);
    writer.member("is_whole_site", subject.is_whole_site);
    writer.key("user_ids");
    writer.begin_array();
    for (const std::string& user_id : subject.user_ids) writer.string(user_id);
    writer.end_array();
    writer.key("visitor_ids");
    writer.begin_array();
    for (const std::uint64_t id : subject.visitor_ids) writer.number(id);
    writer.end_array();
    writer.end_object();
    return write_file_atomically(path_, text);
}

Result<std::optional<Subject>> PendingErasure::read() const {
    if (!path_exists(path_)) return std::optional<Subject>();
    TRY(const std::string text, read_file(path_));
    // Zeros: it was being removed.
    if (text.find_first_not_of('\0') == text.npos) return std::optional<Subject>();
    const Error broken(Code::kCorrupt, path_ +
                                           " is damaged: an erasure is not complete; remove that file and give the "
                                           "command again");
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    const simdjson::padded_string padded(text);
    std::string_view website_id;
    simdjson::dom::array user_ids;
    simdjson::dom::array visitor_ids;
    Subject subject;
    if (parser.parse(padded).get(root) != simdjson::SUCCESS ||
        root["website_id"].get(website_id) != simdjson::SUCCESS ||
        root["is_whole_site"].get(subject.is_whole_site) != simdjson::SUCCESS ||
        root["user_ids"].get(user_ids) != simdjson::SUCCESS ||
        root["visitor_ids"].get(visitor_ids) != simdjson::SUCCESS)
        return broken;
    subject.website_id = website_id;
    for (const auto value : user_ids) {
        std::string_view user_id;
        if (value.get(user_id) != simdjson::SUCCESS) return broken;
        subject.user_ids.emplace_back(user_id);
    }
    for (const auto value : visitor_ids) {
        std::uint64_t id = 0;
        if (value.get(id) != simdjson::SUCCESS) return broken;
        subject.visitor_ids.push_back(id);
    }
    return std::optional<Subject>(std::move(subject));
}

Status PendingErasure::remove() const {
    // Of a writing that a death cut off.
    TRY_STATUS(remove_file(path_ + ".tmp"));
    if (!path_exists(path_)) return {};
    {
        TRY(const File file, File::open(path_, O_WRONLY));
        TRY(const std::uint64_t size, file.size());
        TRY_STATUS(file.write_at(std::string(static_cast<std::size_t>(size), '\0'), 0));
        // A death from here on leaves zeros, of which the next start knows that all was done.
        TRY_STATUS(file.sync());
    }
    TRY_STATUS(remove_file(path_));
    return sync_directory(path_.substr(0, path_.rfind('/')));
}

}  // namespace footfall::erase
