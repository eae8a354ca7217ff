#include "rescore/pending.h"

#include <algorithm>

#include <simdjson.h>

#include "base/file.h"
#include "base/json.h"

namespace footfall::rescore {
namespace {

void write_texts(json::Writer& writer, std::string_view name, const std::vector<std::string>& texts) {
    writer.key(name);
    writer.begin_array();
    for (const std::string& text : texts) writer.string(text);
    writer.end_array();
}

bool read_texts(simdjson::dom::object root, std::string_view name, std::vector<std::string>& out) {
    simdjson::dom::array texts;
    if (root[name].get(texts) != simdjson::SUCCESS) return false;
    for (const auto value : texts) {
        std::string_view text;
        if (value.get(text) != simdjson::SUCCESS) return false;
        out.emplace_back(text);
    }
    return std::is_sorted(out.begin(), out.end());
}

bool read_numbers(simdjson::dom::object root, std::string_view name, std::vector<std::uint64_t>& out) {
    simdjson::dom::array numbers;
    if (root[name].get(numbers) != simdjson::SUCCESS) return false;
    for (const auto value : numbers) {
        std::uint64_t number = 0;
        if (value.get(number) != simdjson::SUCCESS) return false;
        out.push_back(number);
    }
    return std::is_sorted(out.begin(), out.end());
}

}  // namespace

Status Pending::write(const Begun& begun) const {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    write_texts(writer, "sites", begun.request.sites);
    writer.member("since_ms", begun.request.since_ms);
    writer.member("until_ms", begun.request.until_ms);
    writer.member("end", begun.request.end);
    write_texts(writer, "visitors_of", begun.visitors.sites);
    writer.key("visitors");
    writer.begin_array();
    for (const std::uint64_t id : begun.visitors.ids) writer.number(id);
    writer.end_array();
    writer.end_object();
    return write_file_atomically(path_, text);
}

Result<std::optional<Begun>> Pending::read() const {
    if (!path_exists(path_)) return std::optional<Begun>();
    TRY(const std::string text, read_file(path_));
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    const simdjson::padded_string padded(text);
    Begun begun;
    Request& request = begun.request;
    if (parser.parse(padded).get(root) != simdjson::SUCCESS || !read_texts(root, "sites", request.sites) ||
        root["since_ms"].get(request.since_ms) != simdjson::SUCCESS ||
        root["until_ms"].get(request.until_ms) != simdjson::SUCCESS ||
        root["end"].get(request.end) != simdjson::SUCCESS || !read_texts(root, "visitors_of", begun.visitors.sites) ||
        !read_numbers(root, "visitors", begun.visitors.ids))
        return Error(Code::kCorrupt, path_ +
                                         " is damaged: a re-scoring of bots is not complete, and nobody knows whose "
                                         "rows it was about; remove that file, and move the store folder away to have "
                                         "the store rebuilt from the log");
    return std::optional<Begun>(std::move(begun));
}

Status Pending::remove() const {
    // Of a writing that a death cut off.
    TRY_STATUS(remove_file(path_ + ".tmp"));
    if (!path_exists(path_)) return {};
    TRY_STATUS(remove_file(path_));
    return sync_directory(path_.substr(0, path_.rfind('/')));
}

}  // namespace footfall::rescore
