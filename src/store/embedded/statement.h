#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace footfall::store::embedded {

/// An INSERT whose data comes in a format: "INSERT INTO t (a, b) FORMAT Native" and, behind it, perhaps the data.
struct FormattedInsert {
    std::string_view statement;  ///< without the FORMAT clause
    std::string_view format;
    std::string_view data;  ///< what stands in the text behind the clause
};

/// Takes an INSERT with a FORMAT clause apart, by tokens: comments, strings, quoted names and brackets are seen as the
/// engine sees them. nullopt for every other statement, INSERT … VALUES and INSERT … SELECT among them. Borrows.
std::optional<FormattedInsert> split_insert(std::string_view text);

/// The first word in upper case: "SELECT". Empty where there is none.
std::string first_word(std::string_view text);

/// The name behind the last FORMAT outside of brackets; empty where there is none.
std::string_view format_clause(std::string_view text);

}  // namespace footfall::store::embedded
