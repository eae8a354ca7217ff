#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

/// Apache Parquet (https://parquet.apache.org/docs/file-format/, format 2.11), as much of it as an archive needs:
/// columns without nulls of the types below, and maps of texts; version 1 data pages, one for each column of a row
/// group; the encodings PLAIN, RLE_DICTIONARY and DELTA_BINARY_PACKED, whichever is smallest; ZSTD. Every reader of
/// Parquet takes what Writer makes (DuckDB, pandas, Spark, ClickHouse); Reader takes that and no more.
namespace footfall::parquet {

enum class Type : std::uint8_t {
    kText,         ///< UTF-8
    kBool,         ///< 0 or 1
    kUInt64,       ///< in the bits of an int64_t
    kTimestampMs,  ///< epoch ms, UTC
    kDouble,
    kDecimal4,  ///< Decimal(18, 4), in ten-thousandths
    kTextMap,   ///< texts to texts, in an order; keys of a row should differ, since readers may insist
};

struct ColumnSpec {
    std::string name;
    Type type = Type::kText;
    bool operator==(const ColumnSpec&) const = default;
};

/// Texts one behind the other, 4 GiB at most.
class Texts {
public:
    void add(std::string_view text) {
        bytes_.append(text);
        ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    }
    std::size_t size() const { return ends_.size(); }
    std::string_view operator[](std::size_t at) const {
        const std::size_t from = at == 0 ? 0 : ends_[at - 1];
        return std::string_view(bytes_).substr(from, ends_[at] - from);
    }
    bool operator==(const Texts&) const = default;

private:
    std::string bytes_;
    std::vector<std::uint32_t> ends_;
};

/// Values of one column, in the member that its type names.
struct Column {
    std::vector<std::int64_t> integers{};   ///< kBool, kUInt64, kTimestampMs, kDecimal4
    std::vector<double> reals{};            ///< kDouble
    Texts texts{};                          ///< kText; of kTextMap the keys
    Texts map_values{};                     ///< kTextMap
    std::vector<std::uint32_t> map_ends{};  ///< kTextMap: behind each row's last pair
    bool operator==(const Column&) const = default;
};

/// Makes a file in memory: a row group at a time, and a footer with the least and greatest value of each column of each
/// row group, by which readers pass over what they were not asked for. Not thread-safe.
class Writer {
public:
    /// `sorted_by`: names of the columns by which the rows are in order, for readers to know. `metadata` is kept in the
    /// footer.
    Writer(std::vector<ColumnSpec> schema, std::vector<std::string> sorted_by,
           std::vector<std::pair<std::string, std::string>> metadata);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// `column` gives the n-th column of the schema, of `rows` values; it is asked for one after the other, and none is
    /// kept.
    void add_row_group(std::size_t rows, const std::function<Column(std::size_t n)>& column);
    /// The whole file; once.
    std::string finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Reads a file that lies in memory and outlives the reader. Bounds are checked everywhere: a damaged file, or one by
/// another hand, is kCorrupt or kUnsupported, and needs no more memory than a row group says that it has, 512 MiB a
/// column at most. Not thread-safe.
class Reader {
public:
    static Result<Reader> open(std::string_view file);
    ~Reader();
    Reader(Reader&&) noexcept;

    const std::map<std::string, std::string>& metadata() const;
    std::size_t row_groups() const;
    std::size_t rows(std::size_t row_group) const;
    /// kNotFound where the file has no such column; kUnsupported where it is of another type.
    Result<Column> read(std::size_t row_group, const ColumnSpec& column) const;

private:
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace footfall::parquet
