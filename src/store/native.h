#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "base/uuid.h"

namespace footfall::store {

/// One column of a block in ClickHouse's Native format, filled value by value. The type is the table's:
/// LowCardinality(T) is sent as plain T and the engine casts it, which is a third of the cost of any other input format
/// here. A value of another width than the column's type ends the process, since it would shift every later value.
/// Appending is a copy into one buffer, without allocation once that has grown; clear() keeps it. Not thread-safe.
class NativeColumn {
public:
    /// Types: String, UUID, IPv6, Bool, [U]Int8…64, Float32/64, Decimal of 9 or 18 digits, Date, DateTime, DateTime64,
    /// any of them in LowCardinality, and Map(String, String) with either part in LowCardinality; the second may
    /// be a Decimal, whose text is sent and which the engine reads. Ends the process for any other.
    NativeColumn(std::string_view name, std::string_view type);

    /// Numbers by their own width: Bool as uint8_t, Decimal(18, s) and DateTime64 as the int64_t of their smallest
    /// unit.
    template <class T>
        requires std::is_arithmetic_v<T>
    void add(T value) {
        FOOTFALL_CHECK(kind_ == Kind::kNumber && width_ == sizeof(T));
        append(&value, sizeof(T));
    }
    void add_string(std::string_view value) {
        FOOTFALL_CHECK(kind_ == Kind::kString);
        append_string(values_, value);
        ++rows_;
    }
    /// ClickHouse keeps a UUID as two little-endian halves, the high one first.
    void add_uuid(const Uuid& value) {
        FOOTFALL_CHECK(kind_ == Kind::kUuid);
        std::uint64_t halves[2];
        std::memcpy(halves, value.bytes.data(), 16);
        halves[0] = __builtin_bswap64(halves[0]);
        halves[1] = __builtin_bswap64(halves[1]);
        append(halves, 16);
    }
    void add_ipv6(const std::array<unsigned char, 16>& value) {
        FOOTFALL_CHECK(kind_ == Kind::kIpv6);
        append(value.data(), 16);
    }
    /// A range of pairs of strings, in its own order.
    template <class Pairs>
    void add_map(const Pairs& pairs) {
        FOOTFALL_CHECK(kind_ == Kind::kMap);
        for (const auto& [key, value] : pairs) {
            append_string(keys_, key);
            append_string(values_, value);
            ++pairs_;
        }
        offsets_.append(reinterpret_cast<const char*>(&pairs_), sizeof pairs_);
        ++rows_;
    }

    std::size_t rows() const { return rows_; }
    void clear();

private:
    friend void write_native_block(std::string& out, std::span<const NativeColumn> columns, std::size_t rows);
    enum class Kind : std::uint8_t { kNumber, kUuid, kIpv6, kString, kMap };

    void append(const void* bytes, std::size_t size) {
        values_.append(static_cast<const char*>(bytes), size);
        ++rows_;
    }
    static void append_string(std::string& out, std::string_view value) {
        std::size_t length = value.size();
        char size[10];
        std::size_t digits = 0;
        while (length >= 0x80) {
            size[digits++] = static_cast<char>(length | 0x80);
            length >>= 7;
        }
        size[digits++] = static_cast<char>(length);
        out.append(size, digits);
        out.append(value);
    }

    std::string head_;  ///< name and type, as the block carries them
    Kind kind_ = Kind::kNumber;
    std::size_t width_ = 0;  ///< bytes of a number
    std::size_t rows_ = 0;
    std::uint64_t pairs_ = 0;
    std::string offsets_;
    std::string keys_;
    std::string values_;
};

/// Appends one block: the bytes of an insert with FORMAT Native. `rows` is checked against every column. Blocks may
/// follow one another.
void write_native_block(std::string& out, std::span<const NativeColumn> columns, std::size_t rows);

}  // namespace footfall::store
