#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Parquet's encodings of integers (https://parquet.apache.org/docs/file-format/data-pages/encodings/).
namespace footfall::parquet {

/// Bits that the values up to this one need.
unsigned bit_width(std::uint64_t max);

/// RLE/bit-packing hybrid: runs of eight and more equal values, and the others in groups of eight.
void put_hybrid(std::string& out, std::span<const std::uint32_t> values, unsigned width);
/// Exactly `count` values off the front of `in`; nothing where they are not there. Width at most 32.
std::optional<std::vector<std::uint32_t>> take_hybrid(std::string_view& in, std::size_t count, unsigned width);

/// DELTA_BINARY_PACKED: differences in blocks of 128, less the least of them, packed by 32.
void put_deltas(std::string& out, std::span<const std::int64_t> values);
/// Exactly `count` values; nothing where they are not there.
std::optional<std::vector<std::int64_t>> take_deltas(std::string_view& in, std::size_t count);

}  // namespace footfall::parquet
