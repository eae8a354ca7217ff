#include "api/openapi.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "api/answer_format.h"
#include "api/api.h"
#include "api/gate.h"
#include "api/openapi_facts.h"
#include "api/query_endpoint.h"
#include "api/routes.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/text_file.h"
#include "http/encoding.h"

namespace footfall::api {

namespace declarations {
std::span<const TextFile> files();
}

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::string_view kPath = "/api/v1/openapi.json";

// Marks of schema/api.json in whose place something of openapi_facts.h is put.
constexpr std::string_view kNumberMark = "$number";
constexpr std::string_view kWordsMark = "$words";
constexpr std::string_view kMembersMark = "$members";

template <class List>
const typename List::value_type* named(const List& list, std::string_view name) {
    const auto found = std::find_if(list.begin(), list.end(), [name](const auto& one) { return one.name == name; });
    return found == list.end() ? nullptr : &*found;
}

std::optional<element> member(element value, std::string_view name) {
    element found;
    if (value[name].get(found) != simdjson::SUCCESS) return std::nullopt;
    return found;
}

object object_of(element value) {
    object members;
    FOOTFALL_CHECK(value.get(members) == simdjson::SUCCESS);  // is_object() was asked
    return members;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

/// Names of the parameters of a path: "{id}" is one.
std::vector<std::string_view> parameters_of(std::string_view path) {
    std::vector<std::string_view> names;
    for (std::size_t at = path.find('{'); at != std::string_view::npos; at = path.find('{', at + 1))
        names.push_back(path.substr(at + 1, path.find('}', at) - at - 1));
    return names;
}

/// Writes the document, and notes the first thing that schema/api.json and the program disagree about.
class DocumentWriter {
public:
    DocumentWriter(element declared, std::string_view version) : declared_(declared), version_(version), json_(out_) {}

    Result<std::string> write() && {
        json_.begin_object();
        json_.member("openapi", "3.1.1");
        write_info();
        write_member_of(declared_, "tags");
        write_paths();
        write_components();
        json_.end_object();
        look_for_unused();
        if (!problem_.empty()) return Error(Code::kCorrupt, "schema/api.json " + problem_);
        return std::move(out_);
    }

private:
    void disagree(std::string problem) {
        if (problem_.empty()) problem_ = std::move(problem);
    }

    /// That member of the declarations; an empty object, and a problem, where it is not there.
    object section(std::string_view name) {
        const auto found = member(declared_, name);
        if (found && found->is_object()) return object_of(*found);
        disagree("has no object '" + std::string(name) + "'");
        return object_of(declared_);
    }

    void write_member_of(element value, std::string_view name) {
        const auto found = member(value, name);
        if (!found) return disagree("has no '" + std::string(name) + "'");
        json_.key(name);
        write_value(*found);
    }

    void write_info() {
        json_.key("info");
        json_.begin_object();
        for (const auto field : section("info")) {
            json_.key(field.key);
            write_value(field.value);
        }
        json_.member("version", version_);
        json_.end_object();
    }

    void write_value(element value) {  // NOLINT(misc-no-recursion): the declarations are our own
        if (value.is_object()) return write_object(object_of(value));
        simdjson::dom::array list;
        if (value.get(list) != simdjson::SUCCESS) return json_.raw(simdjson::minify(value));
        json_.begin_array();
        for (const element item : list) write_value(item);
        json_.end_array();
    }

    void write_object(object value) {  // NOLINT(misc-no-recursion)
        if (std::string_view name; value.size() == 1 && value[kNumberMark].get(name) == simdjson::SUCCESS)
            return write_number(name);
        std::string_view list_name;
        const MemberList* list = nullptr;
        if (value[kMembersMark].get(list_name) == simdjson::SUCCESS) {
            list = named(members_, list_name);
            if (list == nullptr) disagree("asks for the members of '" + std::string(list_name) + "'");
            used_.insert(std::string(kMembersMark) + std::string(list_name));
        }
        json_.begin_object();
        for (const auto field : value) {
            if (field.key == kMembersMark) continue;
            if (field.key == kWordsMark) {
                write_words(field.value);
            } else if (field.key == "properties" && list != nullptr) {
                write_properties(field.value, *list);
            } else {
                if (field.key.starts_with('$') && field.key != "$ref")
                    disagree("has a mark that means nothing: " + std::string(field.key));
                json_.key(field.key);
                write_value(field.value);
            }
        }
        json_.end_object();
    }

    void write_number(std::string_view name) {
        const Limit* const known = named(limits_, name);
        if (known == nullptr) {
            disagree("asks for the number '" + std::string(name) + "', which there is not");
            return json_.null();
        }
        used_.insert(std::string(kNumberMark) + std::string(name));
        json_.number(known->value);
    }

    void write_words(element value) {
        std::string_view name;
        const WordList* list = nullptr;
        if (value.get(name) == simdjson::SUCCESS) list = named(words_, name);
        if (list == nullptr) return disagree("asks for the words '" + std::string(name) + "', which there are not");
        used_.insert(std::string(kWordsMark) + std::string(name));
        json_.key("enum");
        json_.begin_array();
        for (const Word& word : list->words) json_.string(word.name);
        json_.end_array();
        if (std::all_of(list->words.begin(), list->words.end(), [](const Word& w) { return w.description.empty(); }))
            return;
        json_.key("x-enum-descriptions");
        json_.begin_object();
        for (const Word& word : list->words) json_.member(word.name, word.description);
        json_.end_object();
    }

    /// In the order in which the reader has them. What it does not know it refuses.
    void write_properties(element declared, const MemberList& list) {
        for (const auto field : object_of(declared))
            if (std::find(list.members.begin(), list.members.end(), field.key) == list.members.end())
                disagree("describes the member '" + std::string(field.key) + "' of '" + std::string(list.name) +
                         "', which takes none of this name");
        json_.key("properties");
        json_.begin_object();
        for (const std::string_view name : list.members) {
            const auto found = member(declared, name);
            if (!found || !member(*found, "description"))
                disagree("does not describe the member '" + std::string(name) + "' of '" + std::string(list.name) +
                         "'");
            if (!found) continue;
            json_.key(name);
            write_value(*found);
        }
        json_.end_object();
        json_.member("additionalProperties", false);
        if (list.required.empty()) return;
        json_.key("required");
        json_.begin_array();
        for (const std::string_view name : list.required) json_.string(name);
        json_.end_array();
    }

    void write_paths() {
        json_.key("paths");
        json_.begin_object();
        std::set<std::string_view> written;
        for (const RouteRule& of_path : route_rules()) {
            if (!written.insert(of_path.path).second) continue;
            json_.key(of_path.path);
            json_.begin_object();
            for (const RouteRule& rule : route_rules())
                if (rule.path == of_path.path) write_operations(rule);
            json_.end_object();
        }
        json_.end_object();
        for (const auto field : section("operations"))
            if (!used_.contains(std::string(field.key)))
                disagree("describes '" + std::string(field.key) + "', which is no route");
    }

    /// Of a route that looks at the method itself there is one for each that is described.
    void write_operations(const RouteRule& rule) {
        bool is_described = false;
        for (const auto field : section("operations")) {
            const std::size_t space = std::min(field.key.find(' '), field.key.size());
            const std::string_view method = field.key.substr(0, space);
            if (field.key.substr(std::min(space + 1, field.key.size())) != rule.path) continue;
            if (rule.method != http::Method::kOther && method != method_name(rule.method)) continue;
            is_described = true;
            used_.insert(std::string(field.key));
            json_.key(lower(method));
            write_operation(rule, field.key, field.value);
        }
        if (!is_described)
            disagree("does not describe " + std::string(method_name(rule.method)) + " " + std::string(rule.path));
    }

    void write_operation(const RouteRule& rule, std::string_view name, element declared) {
        for (const std::string_view needed : {"operationId", "summary", "tags", "answers"})
            if (!member(declared, needed)) disagree("has no '" + std::string(needed) + "' for " + std::string(name));
        json_.begin_object();
        for (const std::string_view words : {"operationId", "summary", "description", "tags"})
            if (member(declared, words)) write_member_of(declared, words);
        json_.member("x-access", access_name(rule.access));
        json_.member("x-changes", rule.effect == Effect::kChanges);
        write_security(rule.access, member(declared, "or_by"));
        write_parameters(rule.path, member(declared, "parameters"));
        const auto body = member(declared, "body");
        if (body) write_body(*body);
        json_.key("responses");
        json_.begin_object();
        if (const auto answers = member(declared, "answers"); answers && answers->is_object())
            for (const auto answer : object_of(*answers)) {
                json_.key(answer.key);
                write_answer(answer.value);
            }
        write_errors(rule, declared);
        json_.end_object();
        json_.end_object();
    }

    void write_security(Access access, std::optional<element> or_by) {
        const auto write_one = [this](std::string_view scheme, std::span<const std::string_view> who) {
            if (who.empty()) return;
            json_.begin_object();
            json_.key(scheme);
            json_.begin_array();
            for (const std::string_view one : who) json_.string(one);
            json_.end_array();
            json_.end_object();
        };
        json_.key("security");
        json_.begin_array();
        if (access != Access::kAnyone) {
            const Callers callers = callers_of(access);
            write_one("session", callers.roles);
            write_one("session_over_tls", callers.roles);
            write_one("key", callers.scopes);
        }
        simdjson::dom::array others;
        if (or_by && or_by->get(others) == simdjson::SUCCESS)
            for (const element other : others) write_value(other);
        json_.end_array();
    }

    void write_parameters(std::string_view path, std::optional<element> declared) {
        const auto of_path = parameters_of(path);
        if (of_path.empty() && !declared) return;
        json_.key("parameters");
        json_.begin_array();
        for (const std::string_view name : of_path) {
            json_.begin_object();
            json_.member("name", name);
            json_.member("in", "path");
            json_.member("required", true);
            const auto found = member(declared_["path_parameters"], name);
            if (!found) disagree("does not describe the parameter '" + std::string(name) + "' of a path");
            else
                for (const auto field : object_of(*found)) {
                    json_.key(field.key);
                    write_value(field.value);
                }
            json_.end_object();
        }
        simdjson::dom::array more;
        if (declared && declared->get(more) == simdjson::SUCCESS)
            for (const element parameter : more) write_value(parameter);
        json_.end_array();
    }

    /// The same schema and examples for each media type.
    void write_content(element declared, std::span<const std::string_view> types) {
        json_.key("content");
        json_.begin_object();
        for (const std::string_view type : types) {
            json_.key(type);
            json_.begin_object();
            for (const std::string_view name : {"schema", "examples"})
                if (member(declared, name)) write_member_of(declared, name);
            json_.end_object();
        }
        json_.end_object();
    }

    static std::vector<std::string_view> types_of(element declared) {
        std::vector<std::string_view> types;
        simdjson::dom::array list;
        if (declared["types"].get(list) == simdjson::SUCCESS)
            for (const element item : list)
                if (std::string_view type; item.get(type) == simdjson::SUCCESS) types.push_back(type);
        if (types.empty()) types.emplace_back("application/json");
        return types;
    }

    void write_body(element declared) {
        json_.key("requestBody");
        json_.begin_object();
        bool is_optional = false;
        if (declared["optional"].get(is_optional) != simdjson::SUCCESS) is_optional = false;
        json_.member("required", !is_optional);
        write_content(declared, types_of(declared));
        json_.end_object();
    }

    void write_answer(element declared) {
        json_.begin_object();
        for (const std::string_view name : {"description", "headers"})
            if (member(declared, name)) write_member_of(declared, name);
        std::string_view formats;
        if (declared["formats"].get(formats) == simdjson::SUCCESS) {
            if (formats_named(formats).empty()) disagree("names formats that there are not: " + std::string(formats));
            json_.key("content");
            json_.begin_object();
            for (const query::Format format : formats_named(formats)) {
                json_.key(content_type(format));
                json_.begin_object();
                if (format == query::Format::kJson) write_member_of(declared, "schema");
                json_.end_object();
            }
            json_.end_object();
        } else if (member(declared, "schema")) {
            write_content(declared, types_of(declared));
        }
        json_.end_object();
    }

    /// Those that every route may answer, those that come of its rule, and those that are declared.
    void write_errors(const RouteRule& rule, element operation) {
        std::set<std::string> statuses = {"500", "503"};
        if (rule.access != Access::kAnyone) statuses.insert({"401", "403"});
        if (rule.effect == Effect::kChanges) statuses.insert({"403", "413", "415"});
        if (member(operation, "body")) statuses.insert({"400", "413"});
        simdjson::dom::array more;
        if (operation["errors"].get(more) == simdjson::SUCCESS)
            for (const element item : more)
                if (std::string_view status; item.get(status) == simdjson::SUCCESS) statuses.emplace(status);
        for (const std::string& status : statuses) {
            if (member(operation["answers"], status)) continue;
            const auto words = member(declared_["errors"], status);
            if (!words) disagree("does not describe the error " + status);
            json_.key(status);
            std::string_view type;
            if (words && operation["errors_as"].get(type) == simdjson::SUCCESS) {
                write_error(*words, type);
                continue;
            }
            json_.begin_object();
            json_.member("$ref", "#/components/responses/" + status);
            json_.end_object();
        }
    }

    /// `other_type`: what comes instead of the error where the route itself refuses; empty: nothing.
    void write_error(element words, std::string_view other_type) {
        json_.begin_object();
        for (const std::string_view name : {"description", "headers"})
            if (member(words, name)) write_member_of(words, name);
        json_.key("content");
        json_.begin_object();
        json_.key("application/json");
        json_.raw(R"({"schema":{"$ref":"#/components/schemas/Error"}})");
        if (!other_type.empty()) {
            json_.key(other_type);
            json_.raw("{}");
        }
        json_.end_object();
        json_.end_object();
    }

    void write_components() {
        json_.key("components");
        json_.begin_object();
        json_.key("securitySchemes");
        json_.begin_object();
        for (const auto field : section("security")) {
            json_.key(field.key);
            json_.begin_object();
            for (const auto words : object_of(field.value)) {
                json_.key(words.key);
                write_value(words.value);
            }
            if (field.key == "session") json_.member("name", session_cookie(Scheme::kHttp));
            if (field.key == "session_over_tls") json_.member("name", session_cookie(Scheme::kHttps));
            json_.end_object();
        }
        json_.end_object();
        json_.key("responses");
        json_.begin_object();
        for (const auto field : section("errors")) {
            json_.key(field.key);
            write_error(field.value, {});
        }
        json_.end_object();
        write_member_of(declared_, "schemas");
        json_.end_object();
    }

    void look_for_unused() {
        const auto look = [this](std::string_view mark, const auto& list) {
            for (const auto& one : list)
                if (!used_.contains(std::string(mark) + std::string(one.name)))
                    disagree("does not tell what {\"" + std::string(mark) + "\": \"" + std::string(one.name) +
                             "\"} gives");
        };
        look(kWordsMark, words_);
        look(kNumberMark, limits_);
        look(kMembersMark, members_);
    }

    const element declared_;
    const std::string_view version_;
    const std::vector<WordList> words_ = request_words();
    const std::vector<Limit> limits_ = request_limits();
    const std::vector<MemberList> members_ = request_members();
    std::set<std::string> used_;  ///< marks with their names, and operations
    std::string problem_;
    std::string out_;
    json::Writer json_;
};

}  // namespace

Result<std::string> openapi_document(std::string_view version, std::string_view declared) {
    simdjson::dom::parser parser;
    element root;
    if (parser.parse(declared.data(), declared.size()).get(root) != simdjson::SUCCESS || !root.is_object())
        return Error(Code::kCorrupt, "schema/api.json is no JSON object");
    return DocumentWriter(root, version).write();
}

Result<std::string> openapi_document(std::string_view version) {
    return openapi_document(version, declarations::files().front().text);
}

Status add_openapi_route(http::Router& router, std::string_view version) {
    struct Document {
        std::string text;
        std::string gzip;
        std::string etag;
    };
    auto document = std::make_shared<Document>();
    TRY(document->text, openapi_document(version));
    document->gzip = http::gzip(document->text);
    const auto hash = sha256(document->text);
    // Weak: one for both encodings.
    document->etag =
        "W/\"" + to_hex(std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size())).substr(0, 32) + "\"";
    router.add(http::Method::kGet, std::string(kPath), [document = std::move(document)](http::Exchange& exchange) {
        http::Response response;
        response.headers.emplace_back("ETag", document->etag);
        response.headers.emplace_back("Vary", "Accept-Encoding");
        if (exchange.request().header("if-none-match").find(document->etag) != std::string_view::npos) {
            response.status = 304;
        } else if (http::accepts_encoding(exchange.request(), "gzip")) {
            response.headers.emplace_back("Content-Encoding", "gzip");
            response.static_body = document->gzip;
        } else {
            response.static_body = document->text;
        }
        exchange.respond(std::move(response));
    });
    return {};
}

}  // namespace footfall::api
