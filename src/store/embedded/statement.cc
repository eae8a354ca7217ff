#include "store/embedded/statement.h"

#include <algorithm>

namespace footfall::store::embedded {
namespace {

enum class TokenKind { kEnd, kWord, kQuoted, kOpen, kClose, kOther };

struct Token {
    TokenKind kind = TokenKind::kEnd;
    std::string_view text;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

bool equals(std::string_view word, std::string_view upper_case) {
    return std::equal(word.begin(), word.end(), upper_case.begin(), upper_case.end(),
                      [](char a, char b) { return upper(a) == b; });
}

// Just enough of SQL's words to find a clause.
class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Token next() {
        skip_blank();
        const std::size_t start = at_;
        if (at_ >= text_.size()) return {};
        const char c = text_[at_];
        if (is_word(c)) {
            while (at_ < text_.size() && is_word(text_[at_])) ++at_;
            return token(TokenKind::kWord, start);
        }
        if (c == '\'' || c == '"' || c == '`') {
            skip_quoted(c);
            return token(TokenKind::kQuoted, start);
        }
        ++at_;
        if (c == '(' || c == '[' || c == '{') return token(TokenKind::kOpen, start);
        if (c == ')' || c == ']' || c == '}') return token(TokenKind::kClose, start);
        return token(TokenKind::kOther, start);
    }
    std::size_t position() const { return at_; }

private:
    Token token(TokenKind kind, std::size_t start) const { return {kind, text_.substr(start, at_ - start)}; }

    void skip_quoted(char quote) {
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\\') ++at_;
            else if (text_[at_] == quote) break;
        }
        at_ = std::min(at_ + 1, text_.size());
    }

    void skip_to_line_end() { at_ = std::min(text_.find('\n', at_), text_.size()); }

    void skip_blank() {
        while (at_ < text_.size()) {
            const std::string_view rest = text_.substr(at_);
            if (is_space(rest[0])) {
                ++at_;
            } else if (rest.starts_with("--") || rest.starts_with("#!") || rest.starts_with("# ")) {
                skip_to_line_end();
            } else if (rest.starts_with("/*")) {
                const std::size_t end = text_.find("*/", at_ + 2);
                at_ = end == std::string_view::npos ? text_.size() : end + 2;
            } else {
                return;
            }
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

// Data begins behind the blanks that follow the format's name, or behind the line break where there is one.
std::string_view data_behind(std::string_view rest) {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\f')) rest.remove_prefix(1);
    if (rest.starts_with('\r')) rest.remove_prefix(1);
    if (rest.starts_with('\n')) rest.remove_prefix(1);
    return rest;
}

}  // namespace

std::optional<FormattedInsert> split_insert(std::string_view text) {
    Lexer lexer(text);
    if (const Token first = lexer.next(); first.kind != TokenKind::kWord || !equals(first.text, "INSERT"))
        return std::nullopt;
    if (const Token into = lexer.next(); into.kind != TokenKind::kWord || !equals(into.text, "INTO"))
        return std::nullopt;
    Token token = lexer.next();
    if (token.kind == TokenKind::kWord && (equals(token.text, "TABLE") || equals(token.text, "FUNCTION")))
        token = lexer.next();
    // `token` is the first part of the table's name, which may be any word.
    int depth = 0;
    for (token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
        if (token.kind == TokenKind::kOpen) ++depth;
        if (token.kind == TokenKind::kClose) --depth;
        if (depth != 0 || token.kind != TokenKind::kWord) {
            // The name behind a point is part of the table's.
            if (depth == 0 && token.text == ".") lexer.next();
            continue;
        }
        for (const std::string_view other : {"VALUES", "SELECT", "WITH", "FROM", "WATCH"})
            if (equals(token.text, other)) return std::nullopt;
        if (!equals(token.text, "FORMAT")) continue;
        const auto clause = static_cast<std::size_t>(token.text.data() - text.data());
        const Token name = lexer.next();
        if (name.kind != TokenKind::kWord || equals(name.text, "VALUES")) return std::nullopt;
        return FormattedInsert{text.substr(0, clause), name.text, data_behind(text.substr(lexer.position()))};
    }
    return std::nullopt;
}

std::string first_word(std::string_view text) {
    Lexer lexer(text);
    Token token = lexer.next();
    while (token.kind == TokenKind::kOpen) token = lexer.next();
    if (token.kind != TokenKind::kWord) return {};
    std::string word(token.text);
    std::transform(word.begin(), word.end(), word.begin(), upper);
    return word;
}

std::string_view format_clause(std::string_view text) {
    Lexer lexer(text);
    std::string_view format;
    int depth = 0;
    for (Token token = lexer.next(); token.kind != TokenKind::kEnd;) {
        if (token.kind == TokenKind::kOpen) ++depth;
        if (token.kind == TokenKind::kClose) --depth;
        const bool is_clause = depth == 0 && token.kind == TokenKind::kWord && equals(token.text, "FORMAT");
        token = lexer.next();
        if (is_clause && token.kind == TokenKind::kWord) format = token.text;
    }
    return format;
}

}  // namespace footfall::store::embedded
