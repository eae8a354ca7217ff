#include "api/fields.h"

#include <algorithm>
#include <span>

#include <simdjson.h>

#include "base/json_reader.h"
#include "base/nearest.h"

namespace footfall::api {

Result<Fields> Fields::parse(std::string_view body, std::initializer_list<std::string_view> known,
                             const FieldKinds& kinds) {
    json::Reader reader;
    TRY(const simdjson::dom::element root, reader.read(body, json::Reader::Padding::kPresent));
    simdjson::dom::object object;
    if (root.get(object) != simdjson::SUCCESS) return Error(Code::kInvalidArgument, "the body must be a JSON object");
    Fields fields;
    for (const auto& [key, value] : object) {
        const std::string name(key);
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            Error error(Code::kInvalidArgument, "there is no field '" + name + "' here", name);
            error.name = "unknown_field";
            error.did_you_mean = nearest(key, std::span(known.begin(), known.size()));
            return error;
        }
        const auto is_among = [key](std::initializer_list<std::string_view> names) {
            return std::find(names.begin(), names.end(), key) != names.end();
        };
        if (value.is_null() && is_among(kinds.nullable)) continue;
        if (is_among(kinds.json)) {
            if (!fields.values_.emplace(name, simdjson::minify(value)).second)
                return Error(Code::kInvalidArgument, "'" + name + "' stands twice", name);
            continue;
        }
        if (is_among(kinds.numbers)) {
            std::int64_t number = 0;
            if (value.get(number) != simdjson::SUCCESS) {
                Error error(Code::kInvalidArgument, "'" + name + "' must be a whole number", name);
                error.name = "invalid_type";
                return error;
            }
            const auto cut = static_cast<int>(std::clamp<std::int64_t>(number, INT32_MIN, INT32_MAX));
            if (!fields.numbers_.emplace(name, cut).second)
                return Error(Code::kInvalidArgument, "'" + name + "' stands twice", name);
            continue;
        }
        std::string_view text;
        if (value.get(text) != simdjson::SUCCESS) {
            Error error(Code::kInvalidArgument, "'" + name + "' must be a string", name);
            error.name = "invalid_type";
            return error;
        }
        if (!fields.values_.emplace(name, text).second)
            return Error(Code::kInvalidArgument, "'" + name + "' stands twice", name);
    }
    return fields;
}

std::string Fields::get(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string() : found->second;
}

std::optional<int> Fields::number(std::string_view name) const {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> Fields::text(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
}

Status Fields::require(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names) {
        if (has(name)) continue;
        Error error(Code::kInvalidArgument, "'" + std::string(name) + "' is missing", std::string(name));
        error.name = "missing";
        return error;
    }
    return {};
}

}  // namespace footfall::api
