#include "store/answer_parser.h"

#include <limits>

#include <fmt/format.h>
#include <simdjson.h>

namespace footfall::store {
namespace {

namespace ondemand = simdjson::ondemand;

enum class Kind : std::uint8_t { kBool, kSigned, kUnsigned, kFloat, kText };

std::string_view without(std::string_view type, std::string_view wrapper) {
    return type.starts_with(wrapper) && type.ends_with(')')
               ? type.substr(wrapper.size(), type.size() - wrapper.size() - 1)
               : type;
}

Kind kind_of(std::string_view type) {
    type = without(without(type, "LowCardinality("), "Nullable(");
    if (type == "Bool") return Kind::kBool;
    if (type == "Float64" || type == "Float32" || type == "BFloat16") return Kind::kFloat;
    for (const std::string_view bits : {"8", "16", "32", "64"}) {
        if (type.starts_with("Int") && type.substr(3) == bits) return Kind::kSigned;
        if (type.starts_with("UInt") && type.substr(4) == bits) return Kind::kUnsigned;
    }
    return Kind::kText;
}

// Floats that are no numbers are quoted.
double special_float(std::string_view text) {
    if (text == "inf" || text == "+inf") return std::numeric_limits<double>::infinity();
    if (text == "-inf") return -std::numeric_limits<double>::infinity();
    return std::numeric_limits<double>::quiet_NaN();
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.back() == ' ' || text.back() == ',' || text.back() == '\n')) text.remove_suffix(1);
    return text;
}

// Throws simdjson_error for what is not of the kind.
Value read_value(ondemand::value value, Kind kind) {
    const ondemand::json_type type = value.type();
    if (type == ondemand::json_type::null) {
        if (!value.is_null()) throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
        return std::monostate();
    }
    if (type == ondemand::json_type::array || type == ondemand::json_type::object)
        return std::string(trimmed(simdjson::to_json_string(value)));
    switch (kind) {
        case Kind::kBool: return bool(value.get_bool());
        case Kind::kSigned: return std::int64_t(value.get_int64());
        case Kind::kUnsigned: return std::uint64_t(value.get_uint64());
        case Kind::kFloat:
            if (type == ondemand::json_type::string) return special_float(std::string_view(value.get_string()));
            return double(value.get_double());
        case Kind::kText: break;
    }
    if (type == ondemand::json_type::string) return std::string(std::string_view(value.get_string()));
    return std::string(trimmed(value.raw_json_token()));
}

class Lines {
public:
    // The padding lies behind the text, where the last line's parser may read.
    explicit Lines(std::string& text) : size_(text.size()) {
        text.append(simdjson::SIMDJSON_PADDING, '\0');
        all_ = text;
    }
    bool next(simdjson::padded_string_view& line) {
        if (at_ >= size_) return false;
        // A line break inside of a value is always escaped.
        const std::size_t end = std::min(all_.find('\n', at_), size_);
        line = simdjson::padded_string_view(all_.data() + at_, end - at_, all_.size() - at_);
        at_ = end + 1;
        return true;
    }

private:
    std::size_t size_;
    std::string_view all_;
    std::size_t at_ = 0;
};

std::vector<Value> read_row(ondemand::parser& parser, simdjson::padded_string_view line,
                            const std::vector<Kind>& kinds) {
    std::vector<Value> row;
    row.reserve(kinds.size());
    ondemand::document cells = parser.iterate(line);
    for (auto cell : cells.get_array()) {
        if (row.size() == kinds.size()) throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
        row.push_back(read_value(cell.value(), kinds[row.size()]));
    }
    if (row.size() != kinds.size()) throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
    return row;
}

Error unreadable(const simdjson::simdjson_error& error) {
    return Error(Code::kInternal, fmt::format("the event store's answer cannot be read ({})", error.what()));
}

Answer parse(std::string& text) {
    Answer answer;
    ondemand::parser parser;
    Lines lines(text);
    simdjson::padded_string_view line;
    if (!lines.next(line)) return answer;
    {
        ondemand::document names = parser.iterate(line);
        for (auto name : names.get_array())
            answer.columns.push_back({std::string(std::string_view(name.get_string())), {}});
    }
    if (!lines.next(line)) throw simdjson::simdjson_error(simdjson::EMPTY);
    std::vector<Kind> kinds;
    {
        ondemand::document types = parser.iterate(line);
        for (auto type : types.get_array()) {
            if (kinds.size() == answer.columns.size()) throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
            Column& column = answer.columns[kinds.size()];
            column.type = std::string_view(type.get_string());
            kinds.push_back(kind_of(column.type));
        }
    }
    while (lines.next(line)) answer.rows.push_back(read_row(parser, line, kinds));
    return answer;
}

}  // namespace

Result<Answer> parse_answer(std::string& text) {
    try {
        return parse(text);
    } catch (const simdjson::simdjson_error& error) {
        return unreadable(error);
    }
}

struct RowReader::State {
    std::vector<Kind> kinds;
    ondemand::parser parser;
    std::string pending;  ///< with the parser's padding behind it
};

RowReader::RowReader(std::span<const Column> columns) : state_(std::make_unique<State>()) {
    for (const Column& column : columns) state_->kinds.push_back(kind_of(column.type));
}

RowReader::~RowReader() = default;

Status RowReader::read(std::string_view bytes, const TakeRow& take) {
    std::string& pending = state_->pending;
    pending += bytes;
    if (bytes.find('\n') == std::string_view::npos) return {};
    const std::size_t whole = pending.rfind('\n') + 1;
    pending.append(simdjson::SIMDJSON_PADDING, '\0');
    for (std::size_t at = 0; at < whole;) {
        const std::size_t end = pending.find('\n', at);
        std::vector<Value> row;
        try {
            const simdjson::padded_string_view line(pending.data() + at, end - at, pending.size() - at);
            row = read_row(state_->parser, line, state_->kinds);
        } catch (const simdjson::simdjson_error& error) {
            return unreadable(error);
        }
        TRY_STATUS(take(std::move(row)));
        at = end + 1;
    }
    pending.resize(pending.size() - simdjson::SIMDJSON_PADDING);
    pending.erase(0, whole);
    return {};
}

Status RowReader::end() const {
    if (state_->pending.empty()) return {};
    return Error(Code::kInternal, "the event store's answer ends within a row");
}

}  // namespace footfall::store
