#include "store/native.h"

#include <optional>

#include "base/bytes.h"

namespace footfall::store {
namespace {

// "Wrapper(x)" → "x" for that wrapper; otherwise the type itself.
std::string_view unwrap(std::string_view type, std::string_view wrapper) {
    if (!type.starts_with(wrapper) || type.size() < wrapper.size() + 2 || type[wrapper.size()] != '(' ||
        type.back() != ')')
        return type;
    return type.substr(wrapper.size() + 1, type.size() - wrapper.size() - 2);
}

/// One whose parts are sent as texts.
bool is_map_of_texts(std::string_view type) {
    const std::string_view parts = unwrap(type, "Map");
    const std::size_t comma = parts.find(", ");
    if (parts == type || comma == std::string_view::npos ||
        unwrap(parts.substr(0, comma), "LowCardinality") != "String")
        return false;
    const std::string_view value = parts.substr(comma + 2);
    return unwrap(value, "LowCardinality") == "String" || unwrap(value, "Decimal") != value;
}

// Bytes of a number; nullopt for a type that is not written here.
std::optional<std::size_t> width_of(std::string_view type) {
    struct Width {
        std::string_view type;
        std::size_t bytes;
    };
    constexpr Width kWidths[] = {{"Bool", 1},     {"Int8", 1},  {"UInt8", 1},  {"Int16", 2},  {"UInt16", 2},
                                 {"Date", 2},     {"Int32", 4}, {"UInt32", 4}, {"Date32", 4}, {"Float32", 4},
                                 {"DateTime", 4}, {"Int64", 8}, {"UInt64", 8}, {"Float64", 8}};
    for (const Width& width : kWidths)
        if (type == width.type) return width.bytes;
    if (type.starts_with("DateTime64(")) return 8;
    if (type.starts_with("DateTime(")) return 4;
    const std::string_view decimal = unwrap(type, "Decimal");
    if (decimal != type) {
        const std::string_view digits = decimal.substr(0, decimal.find(','));
        if (digits == "9") return 4;
        if (digits == "18") return 8;
    }
    return std::nullopt;
}

}  // namespace

NativeColumn::NativeColumn(std::string_view name, std::string_view type) {
    std::string_view sent = unwrap(type, "LowCardinality");
    if (sent == "String") {
        kind_ = Kind::kString;
    } else if (is_map_of_texts(sent)) {
        kind_ = Kind::kMap;
        sent = "Map(String, String)";
    } else if (sent == "UUID") {
        kind_ = Kind::kUuid;
    } else if (sent == "IPv6") {
        kind_ = Kind::kIpv6;
    } else {
        const auto width = width_of(sent);
        FOOTFALL_CHECK(width.has_value());
        width_ = *width;
    }
    append_string(head_, name);
    append_string(head_, sent);
}

void NativeColumn::clear() {
    rows_ = 0;
    pairs_ = 0;
    offsets_.clear();
    keys_.clear();
    values_.clear();
}

void write_native_block(std::string& out, std::span<const NativeColumn> columns, std::size_t rows) {
    std::size_t size = out.size() + 20;
    for (const NativeColumn& column : columns)
        size += column.head_.size() + column.offsets_.size() + column.keys_.size() + column.values_.size();
    out.reserve(size);
    put_varint(out, columns.size());
    put_varint(out, rows);
    for (const NativeColumn& column : columns) {
        FOOTFALL_CHECK(column.rows_ == rows);
        out += column.head_;
        out += column.offsets_;
        out += column.keys_;
        out += column.values_;
    }
}

}  // namespace footfall::store
