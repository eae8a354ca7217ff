#include "enrich/pattern_list.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <cctype>

#include "enrich/literal_scanner.h"
#include "enrich/text.h"

namespace footfall::enrich {
namespace {

constexpr std::size_t kTextMax = 512;
/// RE2 caches what it learns of an expression in this much memory. Small, since there are a thousand of them and texts
/// come from strangers; the few expressions whose program is larger get the next size.
constexpr std::int64_t kMemorySizes[] = {64 << 10, 512 << 10, 8 << 20};

/// The text of a pattern that is no expression; nullopt where it is one.
std::optional<std::string> plain_text(const Pattern& pattern) {
    if (pattern.ignore_case || pattern.regex.empty()) return std::nullopt;
    std::string text;
    for (std::size_t i = 0; i < pattern.regex.size(); ++i) {
        char c = pattern.regex[i];
        if (c == '\\') {
            if (++i == pattern.regex.size()) return std::nullopt;
            c = pattern.regex[i];
            if (std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80)
                return std::nullopt;
        } else if (std::string_view("[](){}|^$*+?.").find(c) != std::string_view::npos) {
            return std::nullopt;
        }
        text += c;
    }
    return text;
}

}  // namespace

struct PatternList::State {
    re2::FilteredRE2 expressions;
    std::vector<std::size_t> expression_index;  // number in `expressions` → place in the list, ascending
    std::vector<std::string> texts;             // patterns that are plain text
    std::vector<std::size_t> text_index;        // number in `texts` → place in the list
    std::unique_ptr<LiteralScanner>
        scanner;  // required literals of the expressions, then the plain texts in lower case
    std::size_t atoms = 0;
    std::size_t skipped = 0;

    bool add_expression(const Pattern& pattern) {
        for (const std::int64_t memory : kMemorySizes) {
            RE2::Options options;
            options.set_log_errors(false);
            options.set_case_sensitive(!pattern.ignore_case);
            options.set_max_mem(memory);
            int number = 0;
            const RE2::ErrorCode code = expressions.Add(pattern.regex, options, &number);
            if (code == RE2::NoError) return true;
            if (code != RE2::ErrorPatternTooLarge) return false;
        }
        return false;
    }
};

PatternList::PatternList(const std::vector<Pattern>& patterns) : state_(std::make_unique<State>()) {
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        if (auto text = plain_text(patterns[i])) {
            state_->texts.push_back(std::move(*text));
            state_->text_index.push_back(i);
        } else if (state_->add_expression(patterns[i])) {
            state_->expression_index.push_back(i);
        } else {
            ++state_->skipped;
        }
    }
    std::vector<std::string> literals;
    if (!state_->expression_index.empty()) state_->expressions.Compile(&literals);
    state_->atoms = literals.size();
    std::transform(state_->texts.begin(), state_->texts.end(), std::back_inserter(literals), lower);
    state_->scanner = std::make_unique<LiteralScanner>(literals);
}

PatternList::~PatternList() = default;
PatternList::PatternList(PatternList&&) noexcept = default;
PatternList& PatternList::operator=(PatternList&&) noexcept = default;

std::size_t PatternList::skipped() const { return state_->skipped; }

std::optional<PatternList::Match> PatternList::first(std::string_view text) const {
    text = text.substr(0, kTextMax);
    Match match{.index = SIZE_MAX};
    std::vector<int> atoms;
    state_->scanner->scan(lower(text), [&](std::uint32_t number, std::size_t end) {
        if (number < state_->atoms) {
            atoms.push_back(static_cast<int>(number));
            return;
        }
        const std::string& wanted = state_->texts[number - state_->atoms];
        const std::size_t index = state_->text_index[number - state_->atoms];
        const std::string_view found = text.substr(end - wanted.size(), wanted.size());
        if (index < match.index && found == wanted) match = {index, {found}};
    });
    std::sort(atoms.begin(), atoms.end());
    atoms.erase(std::unique(atoms.begin(), atoms.end()), atoms.end());

    std::vector<int> candidates;
    if (!state_->expression_index.empty()) state_->expressions.AllPotentials(atoms, &candidates);
    std::sort(candidates.begin(), candidates.end());
    for (const int candidate : candidates) {
        const std::size_t index = state_->expression_index[static_cast<std::size_t>(candidate)];
        if (index > match.index) break;
        const RE2& expression = state_->expressions.GetRE2(candidate);
        std::array<re2::StringPiece, 10> groups;
        const int wanted = std::min(static_cast<int>(groups.size()), expression.NumberOfCapturingGroups() + 1);
        if (!expression.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::UNANCHORED,
                              groups.data(), wanted))
            continue;
        match = {index, {}};
        std::transform(groups.begin(), groups.begin() + wanted, match.groups.begin(),
                       [](const re2::StringPiece& piece) { return std::string_view(piece.data(), piece.size()); });
        break;
    }
    if (match.index == SIZE_MAX) return std::nullopt;
    return match;
}

}  // namespace footfall::enrich
