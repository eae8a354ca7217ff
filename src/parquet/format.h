#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "parquet/parquet.h"

/// Numbers of the format (parquet.thrift).
namespace footfall::parquet {

inline constexpr std::string_view kMagic = "PAR1";
/// Bound of a page before compression, so that a reader's memory has one.
inline constexpr std::int64_t kPageBytesMax = 512 << 20;
/// Of a column of a row group: 65,536 events with 64 properties each, and as many again.
inline constexpr std::int64_t kValuesMax = 8 << 20;

enum class Physical : std::int32_t { kBoolean = 0, kInt64 = 2, kDouble = 5, kByteArray = 6 };
enum class Repetition : std::int32_t { kRequired = 0, kRepeated = 2 };
enum class Converted : std::int32_t { kUtf8 = 0, kMap = 1, kDecimal = 5, kTimestampMillis = 9, kUint64 = 14 };
enum class Encoding : std::int32_t { kPlain = 0, kPlainDictionary = 2, kRle = 3, kDeltas = 5, kDictionary = 8 };
enum class Codec : std::int32_t { kNone = 0, kZstd = 6 };
enum class PageType : std::int32_t { kData = 0, kDictionary = 2 };

inline constexpr std::int32_t kDecimalScale = 4;
inline constexpr std::int32_t kDecimalPrecision = 18;

/// A column of values as they lie in the file: one of each, two of a map.
struct Leaf {
    std::size_t column = 0;  ///< of the schema
    std::vector<std::string_view> path;
    Physical type = Physical::kByteArray;
    bool is_of_map = false;
};

inline Physical physical_of(Type type) {
    switch (type) {
        case Type::kText:
        case Type::kTextMap: return Physical::kByteArray;
        case Type::kBool: return Physical::kBoolean;
        case Type::kUInt64:
        case Type::kTimestampMs:
        case Type::kDecimal4: return Physical::kInt64;
        case Type::kDouble: return Physical::kDouble;
    }
    return Physical::kByteArray;
}

/// Of a schema that outlives them.
inline std::vector<Leaf> leaves_of(const std::vector<ColumnSpec>& schema) {
    std::vector<Leaf> leaves;
    for (std::size_t i = 0; i < schema.size(); ++i) {
        const Physical type = physical_of(schema[i].type);
        if (schema[i].type != Type::kTextMap) {
            leaves.push_back({.column = i, .path = {schema[i].name}, .type = type});
            continue;
        }
        for (const std::string_view part : {"key", "value"})
            leaves.push_back(
                {.column = i, .path = {schema[i].name, "key_value", part}, .type = type, .is_of_map = true});
    }
    return leaves;
}

}  // namespace footfall::parquet
