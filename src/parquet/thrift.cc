#include "parquet/thrift.h"

#include "base/bytes.h"

namespace footfall::parquet::thrift {
namespace {

/// Elements of lists that may stand in a file of ours; more is damage.
constexpr std::uint64_t kListMax = 1u << 20;
constexpr int kDepthMax = 16;

std::uint64_t to_zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

}  // namespace

void Writer::field(int id, Wire type) {
    const int delta = id - last_.back();
    if (delta > 0 && delta <= 15) {
        out_ += static_cast<char>(delta << 4 | static_cast<int>(type));
    } else {
        out_ += static_cast<char>(type);
        put_varint(out_, to_zigzag(id));
    }
    last_.back() = id;
}

void Writer::i8(int id, std::int8_t value) {
    field(id, Wire::kByte);
    out_ += static_cast<char>(value);
}

void Writer::i32(int id, std::int32_t value) {
    field(id, Wire::kI32);
    put_varint(out_, to_zigzag(value));
}

void Writer::i64(int id, std::int64_t value) {
    field(id, Wire::kI64);
    put_varint(out_, to_zigzag(value));
}

void Writer::boolean(int id, bool value) { field(id, value ? Wire::kTrue : Wire::kFalse); }

void Writer::binary(int id, std::string_view value) {
    field(id, Wire::kBinary);
    element(value);
}

void Writer::begin_struct(int id) {
    field(id, Wire::kStruct);
    last_.push_back(0);
}

void Writer::end_struct() {
    out_ += static_cast<char>(Wire::kStop);
    last_.pop_back();
}

void Writer::begin_list(int id, Wire element, std::size_t size) {
    field(id, Wire::kList);
    if (size < 15) {
        out_ += static_cast<char>(size << 4 | static_cast<std::size_t>(element));
    } else {
        out_ += static_cast<char>(0xf0 | static_cast<int>(element));
        put_varint(out_, size);
    }
}

void Writer::element(std::int32_t value) { put_varint(out_, to_zigzag(value)); }

void Writer::element(std::string_view value) {
    put_varint(out_, value.size());
    out_ += value;
}

std::uint8_t Reader::byte() {
    if (!ok_ || in_.empty()) {
        ok_ = false;
        return 0;
    }
    const auto value = static_cast<std::uint8_t>(in_.front());
    in_.remove_prefix(1);
    return value;
}

std::uint64_t Reader::varint() {
    if (!ok_) return 0;
    const auto value = take_varint(in_);
    if (!value) ok_ = false;
    return value.value_or(0);
}

std::int64_t Reader::zigzag() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

std::optional<Reader::Field> Reader::next(int last) {
    const std::uint8_t head = byte();
    if (!ok_ || head == 0) return std::nullopt;
    const auto type = static_cast<Wire>(head & 0x0f);
    const std::int64_t id = (head >> 4) != 0 ? last + (head >> 4) : zigzag();
    if (id <= last || id > 0x7fff) ok_ = false;
    if (!ok_) return std::nullopt;
    return Field{.id = static_cast<int>(id), .type = type};
}

std::int64_t Reader::integer(Field field) {
    if (field.type == Wire::kByte) return static_cast<std::int8_t>(byte());
    if (field.type != Wire::kI16 && field.type != Wire::kI32 && field.type != Wire::kI64) ok_ = false;
    return zigzag();
}

bool Reader::boolean(Field field) {
    if (field.type != Wire::kTrue && field.type != Wire::kFalse) ok_ = false;
    return field.type == Wire::kTrue;
}

std::string_view Reader::binary(Field field) {
    if (field.type != Wire::kBinary) ok_ = false;
    return binary_element();
}

std::string_view Reader::binary_element() {
    const std::uint64_t size = varint();
    if (!ok_ || size > in_.size()) {
        ok_ = false;
        return {};
    }
    const std::string_view value = in_.substr(0, size);
    in_.remove_prefix(size);
    return value;
}

std::int64_t Reader::integer_element() { return zigzag(); }

std::size_t Reader::list(Field field, Wire element) {
    if (field.type != Wire::kList) ok_ = false;
    const std::uint8_t head = byte();
    const std::uint64_t size = (head >> 4) == 15 ? varint() : head >> 4;
    // Each element takes a byte at least.
    if (static_cast<Wire>(head & 0x0f) != element || size > kListMax || size > in_.size()) ok_ = false;
    return ok_ ? size : 0;
}

void Reader::skip(Wire type, int depth) {
    if (depth > kDepthMax) ok_ = false;
    if (!ok_) return;
    switch (type) {
        case Wire::kTrue:
        case Wire::kFalse: return;
        case Wire::kByte: byte(); return;
        case Wire::kI16:
        case Wire::kI32:
        case Wire::kI64: varint(); return;
        case Wire::kDouble:
            if (in_.size() < 8) ok_ = false;
            else in_.remove_prefix(8);
            return;
        case Wire::kBinary: binary_element(); return;
        case Wire::kList:
        case Wire::kSet: {
            const std::uint8_t head = byte();
            const std::uint64_t size = (head >> 4) == 15 ? varint() : head >> 4;
            const auto element = static_cast<Wire>(head & 0x0f);
            if (size > kListMax || size > in_.size()) ok_ = false;
            // A bool is a byte as an element, and nothing behind a field.
            for (std::uint64_t i = 0; ok_ && i < size; ++i)
                skip(element == Wire::kTrue || element == Wire::kFalse ? Wire::kByte : element, depth + 1);
            return;
        }
        case Wire::kStruct: {
            int last = 0;
            while (const auto field = next(last)) {
                last = field->id;
                skip(field->type, depth + 1);
            }
            return;
        }
        case Wire::kMap:  // Parquet has none
        case Wire::kStop: ok_ = false; return;
    }
    ok_ = false;
}

}  // namespace footfall::parquet::thrift
