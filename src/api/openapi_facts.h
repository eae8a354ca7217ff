#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/routes.h"
#include "query/query.h"

/// What the server knows of its requests, by the names that schema/api.json has for it.
namespace footfall::api {

/// A word of a request, and what it means where its declaration says that.
struct Word {
    std::string name;
    std::string description{};
};
/// {"$words": name}
struct WordList {
    std::string_view name;
    std::vector<Word> words;
};
/// {"$number": name}
struct Limit {
    std::string_view name;
    std::int64_t value = 0;
};
/// {"$members": name}: those that a body, or an object in it, may have, and those that it must.
struct MemberList {
    std::string_view name;
    std::vector<std::string_view> members;
    std::vector<std::string_view> required{};
};

/// The formats in which answers come that say "formats": name; none of another name.
std::span<const query::Format> formats_named(std::string_view name);

std::vector<WordList> request_words();
std::vector<Limit> request_limits();
std::vector<MemberList> request_members();

/// Whom judge_access() lets through.
struct Callers {
    std::vector<std::string_view> roles;
    std::vector<std::string_view> scopes;
};
Callers callers_of(Access access);

}  // namespace footfall::api
