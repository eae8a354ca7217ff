#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::api {

/// What a member of a body is: a string, one that may also be null, which is the same as none, a whole number, or any
/// JSON, of which Fields::get() gives the text.
enum class FieldKind : std::uint8_t { kText, kTextOrNull, kNumber, kJson };
enum class FieldNeed : std::uint8_t { kOptional, kRequired };
struct BodyField {
    std::string_view name;
    FieldNeed need = FieldNeed::kOptional;
    FieldKind kind = FieldKind::kText;
};

/// The members of a small JSON object, strings or, where a handler asks for them, whole numbers and JSON as it is.
class Fields {
public:
    /// `body` has simdjson's padding behind it, as a request's has. kInvalidArgument for what is no JSON object, and,
    /// by field, for a member that is not among `known`, stands twice or is of another kind, or for one that must be
    /// there and is not: a misspelt name must not pass as one that was left out.
    static Result<Fields> parse(std::string_view body, std::span<const BodyField> known);

    bool has(std::string_view name) const { return values_.contains(name) || numbers_.contains(name); }
    /// Empty where it is not there.
    std::string get(std::string_view name) const;
    /// Of a number; nothing where it is not there. Cut to what an int holds.
    std::optional<int> number(std::string_view name) const;
    /// The same of a string.
    std::optional<std::string> text(std::string_view name) const;
    /// kInvalidArgument, by field, for the first that is not there.
    Status require(std::initializer_list<std::string_view> names) const;

private:
    static Result<Fields> read(std::string_view body, std::span<const BodyField> known);

    std::map<std::string, std::string, std::less<>> values_;
    std::map<std::string, int, std::less<>> numbers_;
};

}  // namespace footfall::api
