#include "query/kept_answer.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "base/bytes.h"

namespace footfall::query {
namespace {

constexpr std::string_view kVersion = "footfall answer 1\n";

void put_text(std::string& out, std::string_view text) {
    put_varint(out, text.size());
    out += text;
}

/// What is left to read; every take is nothing where it ends.
class Bytes {
public:
    explicit Bytes(std::string_view bytes) : rest_(bytes) {}

    bool is_done() const { return rest_.empty(); }
    std::optional<std::uint64_t> count() {
        const auto value = take_varint(rest_);
        // No more of anything than there are bytes: a damaged count sets no memory aside.
        return value && *value <= rest_.size() ? value : std::nullopt;
    }
    std::optional<std::string> text() {
        const auto size = count();
        if (!size) return std::nullopt;
        std::string out(rest_.substr(0, *size));
        rest_.remove_prefix(*size);
        return out;
    }
    template <class T>
    std::optional<T> number() {
        if (rest_.size() < sizeof(T)) return std::nullopt;
        const T value = get<T>(rest_.data());
        rest_.remove_prefix(sizeof(T));
        return value;
    }
    std::optional<store::Value> value() {
        const auto kind = number<std::uint8_t>();
        if (!kind) return std::nullopt;
        switch (*kind) {
            case 0: return store::Value();
            case 1: return wrap(number<std::uint8_t>(), [](std::uint8_t flag) { return flag != 0; });
            case 2: return wrap(number<std::int64_t>());
            case 3: return wrap(number<std::uint64_t>());
            case 4: return wrap(number<double>());
            case 5: return wrap(text());
            default: return std::nullopt;
        }
    }

private:
    template <class T, class Map = std::identity>
    static std::optional<store::Value> wrap(std::optional<T> value, Map map = {}) {
        if (!value) return std::nullopt;
        return store::Value(map(std::move(*value)));
    }

    std::string_view rest_;
};

void put_value(std::string& out, const store::Value& value) {
    put(out, static_cast<std::uint8_t>(value.index()));
    std::visit(
        [&out](const auto& held) {
            using Held = std::decay_t<decltype(held)>;
            if constexpr (std::is_same_v<Held, bool>) put(out, static_cast<std::uint8_t>(held));
            else if constexpr (std::is_same_v<Held, std::string>) put_text(out, held);
            else if constexpr (!std::is_same_v<Held, std::monostate>) put(out, held);
        },
        value);
}

}  // namespace

static_assert(
    std::is_same_v<store::Value, std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string>>,
    "the numbers of the kinds are those of their places");

std::string encode_kept(const AnswerCache::Kept& kept) {
    std::string out(kVersion);
    put_text(out, kept.source);
    put(out, kept.sample_rate);
    put(out, kept.answer.rows_read);
    put(out, kept.answer.bytes_read);
    put_varint(out, kept.answer.columns.size());
    for (const store::Column& column : kept.answer.columns) {
        put_text(out, column.name);
        put_text(out, column.type);
    }
    put_varint(out, kept.answer.rows.size());
    for (const auto& row : kept.answer.rows) {
        put_varint(out, row.size());
        for (const store::Value& value : row) put_value(out, value);
    }
    return out;
}

std::optional<AnswerCache::Kept> decode_kept(std::string_view bytes) {
    if (!bytes.starts_with(kVersion)) return std::nullopt;
    Bytes in(bytes.substr(kVersion.size()));
    AnswerCache::Kept kept;
    auto source = in.text();
    const auto sample_rate = in.number<double>();
    const auto rows_read = in.number<std::uint64_t>();
    const auto bytes_read = in.number<std::uint64_t>();
    const auto columns = in.count();
    if (!source || !sample_rate || !rows_read || !bytes_read || !columns) return std::nullopt;
    kept.source = std::move(*source);
    kept.sample_rate = *sample_rate;
    kept.answer.rows_read = *rows_read;
    kept.answer.bytes_read = *bytes_read;
    for (std::uint64_t i = 0; i < *columns; ++i) {
        auto name = in.text();
        auto type = name ? in.text() : std::nullopt;
        if (!type) return std::nullopt;
        kept.answer.columns.push_back({std::move(*name), std::move(*type)});
    }
    const auto rows = in.count();
    if (!rows) return std::nullopt;
    for (std::uint64_t i = 0; i < *rows; ++i) {
        const auto cells = in.count();
        if (!cells) return std::nullopt;
        std::vector<store::Value>& row = kept.answer.rows.emplace_back();
        for (std::uint64_t cell = 0; cell < *cells; ++cell) {
            auto value = in.value();
            if (!value) return std::nullopt;
            row.push_back(std::move(*value));
        }
    }
    if (!in.is_done()) return std::nullopt;
    return kept;
}

}  // namespace footfall::query
