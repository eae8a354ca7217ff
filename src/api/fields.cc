#include "api/fields.h"

#include <algorithm>
#include <vector>

#include <simdjson.h>

#include "base/json_reader.h"
#include "base/nearest.h"

namespace footfall::api {

Result<Fields> Fields::parse(std::string_view body, std::span<const BodyField> known) {
    TRY(Fields fields, read(body, known));
    for (const BodyField& field : known)
        if (field.need == FieldNeed::kRequired) TRY_STATUS(fields.require({field.name}));
    return fields;
}

Result<Fields> Fields::read(std::string_view body, std::span<const BodyField> known) {
    json::Reader reader;
    TRY(const simdjson::dom::element root, reader.read(body, json::Reader::Padding::kPresent));
    simdjson::dom::object object;
    if (root.get(object) != simdjson::SUCCESS) return Error(Code::kInvalidArgument, "the body must be a JSON object");
    Fields fields;
    for (const auto& [key, value] : object) {
        const std::string name(key);
        const auto field =
            std::find_if(known.begin(), known.end(), [key](const BodyField& one) { return one.name == key; });
        if (field == known.end()) {
            Error error(Code::kInvalidArgument, "there is no field '" + name + "' here", name);
            error.name = "unknown_field";
            std::vector<std::string_view> names;
            for (const BodyField& one : known) names.push_back(one.name);
            error.did_you_mean = nearest(key, names);
            return error;
        }
        if (value.is_null() && field->kind == FieldKind::kTextOrNull) continue;
        if (field->kind == FieldKind::kJson) {
            if (!fields.values_.emplace(name, simdjson::minify(value)).second)
                return Error(Code::kInvalidArgument, "'" + name + "' stands twice", name);
            continue;
        }
        if (field->kind == FieldKind::kNumber) {
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
