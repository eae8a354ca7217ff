#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::api {

/// Fields that are no strings. What is `json` may be anything, and Fields::get() gives its text; a null in what is
/// `nullable` is the same as none.
struct FieldKinds {
    std::initializer_list<std::string_view> numbers{};
    std::initializer_list<std::string_view> json{};
    std::initializer_list<std::string_view> nullable{};
};

/// The members of a small JSON object, strings or, where a handler asks for them, whole numbers and JSON as it is.
class Fields {
public:
    /// `body` has simdjson's padding behind it, as a request's has. kInvalidArgument for what is no JSON object, and,
    /// by field, for a member that is not among `known`, stands twice or is no string, or where it is among `numbers`
    /// no whole number: a misspelt name must not pass as one that was left out.
    static Result<Fields> parse(std::string_view body, std::initializer_list<std::string_view> known,
                                const FieldKinds& kinds = {});

    bool has(std::string_view name) const { return values_.contains(name) || numbers_.contains(name); }
    /// Empty where it is not there.
    std::string get(std::string_view name) const;
    /// Of `numbers`; nothing where it is not there. Cut to what an int holds.
    std::optional<int> number(std::string_view name) const;
    /// The same of a string.
    std::optional<std::string> text(std::string_view name) const;
    /// kInvalidArgument, by field, for the first that is not there.
    Status require(std::initializer_list<std::string_view> names) const;

private:
    std::map<std::string, std::string, std::less<>> values_;
    std::map<std::string, int, std::less<>> numbers_;
};

}  // namespace footfall::api
