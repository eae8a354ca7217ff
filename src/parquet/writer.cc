#include <algorithm>
#include <optional>
#include <unordered_map>

#include <zstd.h>

#include "base/bytes.h"
#include "parquet/encoding.h"
#include "parquet/format.h"
#include "parquet/parquet.h"
#include "parquet/thrift.h"

namespace footfall::parquet {
namespace {

/// The library's own middle: files are written beside everybody else's work.
constexpr int kCompression = 3;
/// Texts are written as numbers of a dictionary where it is smaller than this and has half as many entries as values.
constexpr std::size_t kDictionaryBytesMax = 1 << 20;
/// Longer texts are no use as bounds.
constexpr std::size_t kBoundBytesMax = 64;

template <class Enum>
std::int32_t number(Enum value) {
    return static_cast<std::int32_t>(value);
}

struct Chunk {
    std::vector<Encoding> encodings;
    std::int64_t values = 0;
    std::int64_t offset = 0;             ///< of its first byte in the file
    std::int64_t dictionary_offset = 0;  ///< 0: none
    std::int64_t data_offset = 0;
    std::int64_t raw_bytes = 0;  ///< headers included, as in the next
    std::int64_t bytes = 0;
    std::string min;
    std::string max;
    bool has_bounds = false;
};

struct Group {
    std::int64_t rows = 0;
    std::vector<Chunk> chunks;
};

template <class T>
void bound(Chunk& chunk, const std::vector<T>& values, bool is_unsigned) {
    if (values.empty()) return;
    const auto less = [is_unsigned](T a, T b) {
        if constexpr (std::is_same_v<T, std::int64_t>)
            if (is_unsigned) return static_cast<std::uint64_t>(a) < static_cast<std::uint64_t>(b);
        return a < b;
    };
    const auto [min, max] = std::minmax_element(values.begin(), values.end(), less);
    put(chunk.min, *min);
    put(chunk.max, *max);
    chunk.has_bounds = true;
}

void bound(Chunk& chunk, const Texts& texts) {
    if (texts.size() == 0) return;
    std::string_view min = texts[0];
    std::string_view max = texts[0];
    for (std::size_t i = 1; i < texts.size(); ++i) {
        min = std::min(min, texts[i]);
        max = std::max(max, texts[i]);
    }
    if (std::max(min.size(), max.size()) > kBoundBytesMax) return;
    chunk.min = min;
    chunk.max = max;
    chunk.has_bounds = true;
}

void put_plain(std::string& out, std::string_view text) {
    put(out, static_cast<std::uint32_t>(text.size()));
    out += text;
}

/// A page of a map's texts begins with where the rows begin and whether there is a text: runs of one bit, their length
/// before.
void put_levels(std::string& out, std::span<const std::uint32_t> levels) {
    std::string runs;
    put_hybrid(runs, levels, 1);
    put(out, static_cast<std::uint32_t>(runs.size()));
    out += runs;
}

struct Dictionary {
    std::string page;
    std::uint32_t entries = 0;
    std::vector<std::uint32_t> indexes;
};

std::optional<Dictionary> dictionary_of(const Texts& texts) {
    Dictionary dictionary;
    std::unordered_map<std::string_view, std::uint32_t> known;
    dictionary.indexes.reserve(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto [entry, is_new] = known.emplace(texts[i], dictionary.entries);
        if (is_new) {
            ++dictionary.entries;
            put_plain(dictionary.page, texts[i]);
            if (dictionary.page.size() > kDictionaryBytesMax || dictionary.entries > texts.size() / 2 + 1)
                return std::nullopt;
        }
        dictionary.indexes.push_back(entry->second);
    }
    return dictionary;
}

}  // namespace

struct Writer::State {
    std::vector<ColumnSpec> schema;
    std::vector<std::string> sorted_by;
    std::vector<std::pair<std::string, std::string>> metadata;
    std::vector<Leaf> leaves;
    std::string file{kMagic};
    std::vector<Group> groups;
    ZSTD_CCtx* compression = ZSTD_createCCtx();

    void add_page(Chunk& chunk, PageType type, Encoding encoding, std::string_view raw, std::size_t values) {
        std::string packed(ZSTD_compressBound(raw.size()), '\0');
        const std::size_t size =
            ZSTD_compressCCtx(compression, packed.data(), packed.size(), raw.data(), raw.size(), kCompression);
        FOOTFALL_CHECK(ZSTD_isError(size) == 0);
        FOOTFALL_CHECK(raw.size() <= static_cast<std::size_t>(kPageBytesMax));
        const std::size_t from = file.size();
        thrift::Writer header(file);
        header.i32(1, number(type));
        header.i32(2, static_cast<std::int32_t>(raw.size()));
        header.i32(3, static_cast<std::int32_t>(size));
        header.begin_struct(type == PageType::kData ? 5 : 7);
        header.i32(1, static_cast<std::int32_t>(values));
        header.i32(2, number(encoding));
        if (type == PageType::kData) {
            header.i32(3, number(Encoding::kRle));
            header.i32(4, number(Encoding::kRle));
        }
        header.end_struct();
        header.end_struct();
        chunk.raw_bytes += static_cast<std::int64_t>(file.size() - from + raw.size());
        file.append(packed, 0, size);
        chunk.bytes += static_cast<std::int64_t>(file.size() - from);
        chunk.encodings.push_back(encoding);
    }

    void add_data(Chunk& chunk, Encoding encoding, std::string_view raw, std::size_t values) {
        chunk.data_offset = static_cast<std::int64_t>(file.size());
        chunk.values = static_cast<std::int64_t>(values);
        add_page(chunk, PageType::kData, encoding, raw, values);
    }

    /// `levels` come before the values; `values` counts the rows that have none too.
    void add_texts(Chunk& chunk, const Texts& texts, std::string levels, std::size_t values) {
        bound(chunk, texts);
        if (const auto dictionary = dictionary_of(texts)) {
            chunk.dictionary_offset = static_cast<std::int64_t>(file.size());
            add_page(chunk, PageType::kDictionary, Encoding::kPlain, dictionary->page, dictionary->entries);
            const unsigned width = std::max(1u, bit_width(dictionary->entries > 0 ? dictionary->entries - 1 : 0));
            levels += static_cast<char>(width);
            put_hybrid(levels, dictionary->indexes, width);
            add_data(chunk, Encoding::kDictionary, levels, values);
            return;
        }
        for (std::size_t i = 0; i < texts.size(); ++i) put_plain(levels, texts[i]);
        add_data(chunk, Encoding::kPlain, levels, values);
    }

    void add_integers(Chunk& chunk, const std::vector<std::int64_t>& values, bool is_unsigned) {
        bound(chunk, values, is_unsigned);
        std::string deltas;
        put_deltas(deltas, values);
        // Random numbers gain nothing by it, and repeat themselves for the compression where they are as they are.
        if (deltas.size() < values.size() * sizeof(std::int64_t) * 3 / 4)
            return add_data(chunk, Encoding::kDeltas, deltas, values.size());
        std::string plain;
        for (const std::int64_t value : values) put(plain, value);
        add_data(chunk, Encoding::kPlain, plain, values.size());
    }

    void add_bools(Chunk& chunk, const std::vector<std::int64_t>& values) {
        std::string bits((values.size() + 7) / 8, '\0');
        for (std::size_t i = 0; i < values.size(); ++i)
            if (values[i] != 0) bits[i / 8] = static_cast<char>(bits[i / 8] | 1 << (i % 8));
        if (!values.empty()) {
            const auto [min, max] = std::minmax_element(values.begin(), values.end());
            chunk.min = std::string(1, static_cast<char>(*min != 0));
            chunk.max = std::string(1, static_cast<char>(*max != 0));
            chunk.has_bounds = true;
        }
        add_data(chunk, Encoding::kPlain, bits, values.size());
    }

    void add_reals(Chunk& chunk, const std::vector<double>& values) {
        std::string plain;
        for (const double value : values) put(plain, value);
        add_data(chunk, Encoding::kPlain, plain, values.size());
    }

    static std::string map_levels(const std::vector<std::uint32_t>& ends, std::size_t& values) {
        std::vector<std::uint32_t> repetition;
        std::vector<std::uint32_t> definition;
        std::uint32_t from = 0;
        for (const std::uint32_t end : ends) {
            for (std::uint32_t i = from; i < std::max(end, from + 1); ++i) {
                repetition.push_back(i == from ? 0 : 1);
                definition.push_back(i < end ? 1 : 0);
            }
            from = end;
        }
        values = repetition.size();
        std::string levels;
        put_levels(levels, repetition);
        put_levels(levels, definition);
        return levels;
    }

    Chunk add_chunk(const Leaf& leaf, const Column& column) {
        Chunk chunk;
        chunk.offset = static_cast<std::int64_t>(file.size());
        switch (schema[leaf.column].type) {
            case Type::kText: add_texts(chunk, column.texts, {}, column.texts.size()); break;
            case Type::kBool: add_bools(chunk, column.integers); break;
            case Type::kUInt64: add_integers(chunk, column.integers, true); break;
            case Type::kTimestampMs:
            case Type::kDecimal4: add_integers(chunk, column.integers, false); break;
            case Type::kDouble: add_reals(chunk, column.reals); break;
            case Type::kTextMap: {
                std::size_t values = 0;
                std::string levels = map_levels(column.map_ends, values);
                const bool is_key = leaf.path.back() == "key";
                add_texts(chunk, is_key ? column.texts : column.map_values, std::move(levels), values);
                break;
            }
        }
        return chunk;
    }

    void write_schema(thrift::Writer& out) const;
    void write_chunk(thrift::Writer& out, const Leaf& leaf, const Chunk& chunk) const;
    void write_group(thrift::Writer& out, const Group& group) const;
};

Writer::Writer(std::vector<ColumnSpec> schema, std::vector<std::string> sorted_by,
               std::vector<std::pair<std::string, std::string>> metadata)
    : state_(std::make_unique<State>()) {
    state_->schema = std::move(schema);
    state_->sorted_by = std::move(sorted_by);
    state_->metadata = std::move(metadata);
    state_->leaves = leaves_of(state_->schema);
}

Writer::~Writer() { ZSTD_freeCCtx(state_->compression); }

void Writer::add_row_group(std::size_t rows, const std::function<Column(std::size_t)>& column) {
    State& state = *state_;
    Group group{.rows = static_cast<std::int64_t>(rows), .chunks = {}};
    for (std::size_t n = 0; n < state.schema.size(); ++n) {
        const Column values = column(n);
        for (const Leaf& leaf : state.leaves)
            if (leaf.column == n) group.chunks.push_back(state.add_chunk(leaf, values));
    }
    state.groups.push_back(std::move(group));
}

void Writer::State::write_schema(thrift::Writer& out) const {
    std::size_t elements = 1;
    for (const ColumnSpec& column : schema) elements += column.type == Type::kTextMap ? 4 : 1;
    out.begin_list(2, thrift::Wire::kStruct, elements);
    out.begin_element();
    out.binary(4, "schema");
    out.i32(5, static_cast<std::int32_t>(schema.size()));
    out.end_struct();
    const auto text = [&out](std::string_view name) {
        out.begin_element();
        out.i32(1, number(Physical::kByteArray));
        out.i32(3, number(Repetition::kRequired));
        out.binary(4, name);
        out.i32(6, number(Converted::kUtf8));
        out.begin_struct(10);
        out.begin_struct(1);
        out.end_struct();
        out.end_struct();
        out.end_struct();
    };
    for (const ColumnSpec& column : schema) {
        if (column.type == Type::kText) {
            text(column.name);
            continue;
        }
        out.begin_element();
        if (column.type != Type::kTextMap) out.i32(1, number(physical_of(column.type)));
        out.i32(3, number(Repetition::kRequired));
        out.binary(4, column.name);
        switch (column.type) {
            case Type::kText:
            case Type::kBool:
            case Type::kDouble: break;
            case Type::kUInt64:
                out.i32(6, number(Converted::kUint64));
                out.begin_struct(10);
                out.begin_struct(10);
                out.i8(1, 64);
                out.boolean(2, false);
                out.end_struct();
                out.end_struct();
                break;
            case Type::kTimestampMs:
                out.i32(6, number(Converted::kTimestampMillis));
                out.begin_struct(10);
                out.begin_struct(8);
                out.boolean(1, true);
                out.begin_struct(2);
                out.begin_struct(1);
                out.end_struct();
                out.end_struct();
                out.end_struct();
                out.end_struct();
                break;
            case Type::kDecimal4:
                out.i32(6, number(Converted::kDecimal));
                out.i32(7, kDecimalScale);
                out.i32(8, kDecimalPrecision);
                out.begin_struct(10);
                out.begin_struct(5);
                out.i32(1, kDecimalScale);
                out.i32(2, kDecimalPrecision);
                out.end_struct();
                out.end_struct();
                break;
            case Type::kTextMap:
                out.i32(5, 1);
                out.i32(6, number(Converted::kMap));
                out.begin_struct(10);
                out.begin_struct(2);
                out.end_struct();
                out.end_struct();
                break;
        }
        out.end_struct();
        if (column.type != Type::kTextMap) continue;
        out.begin_element();
        out.i32(3, number(Repetition::kRepeated));
        out.binary(4, "key_value");
        out.i32(5, 2);
        out.end_struct();
        text("key");
        text("value");
    }
}

void Writer::State::write_chunk(thrift::Writer& out, const Leaf& leaf, const Chunk& chunk) const {
    out.begin_element();
    out.i64(2, chunk.offset);
    out.begin_struct(3);
    out.i32(1, number(leaf.type));
    std::vector<Encoding> encodings = chunk.encodings;
    if (leaf.is_of_map) encodings.push_back(Encoding::kRle);
    out.begin_list(2, thrift::Wire::kI32, encodings.size());
    for (const Encoding encoding : encodings) out.element(number(encoding));
    out.begin_list(3, thrift::Wire::kBinary, leaf.path.size());
    for (const std::string_view part : leaf.path) out.element(part);
    out.i32(4, number(Codec::kZstd));
    out.i64(5, chunk.values);
    out.i64(6, chunk.raw_bytes);
    out.i64(7, chunk.bytes);
    out.i64(9, chunk.data_offset);
    if (chunk.dictionary_offset > 0) out.i64(11, chunk.dictionary_offset);
    if (chunk.has_bounds && !leaf.is_of_map) {
        out.begin_struct(12);
        out.i64(3, 0);
        out.binary(5, chunk.max);
        out.binary(6, chunk.min);
        out.end_struct();
    }
    out.end_struct();
    out.end_struct();
}

void Writer::State::write_group(thrift::Writer& out, const Group& group) const {
    std::int64_t raw_bytes = 0;
    std::int64_t bytes = 0;
    for (const Chunk& chunk : group.chunks) {
        raw_bytes += chunk.raw_bytes;
        bytes += chunk.bytes;
    }
    out.begin_element();
    out.begin_list(1, thrift::Wire::kStruct, group.chunks.size());
    for (std::size_t i = 0; i < leaves.size(); ++i) write_chunk(out, leaves[i], group.chunks[i]);
    out.i64(2, raw_bytes);
    out.i64(3, group.rows);
    out.begin_list(4, thrift::Wire::kStruct, sorted_by.size());
    for (const std::string& name : sorted_by) {
        const auto leaf = std::find_if(leaves.begin(), leaves.end(), [&](const Leaf& l) { return l.path[0] == name; });
        FOOTFALL_CHECK(leaf != leaves.end());
        out.begin_element();
        out.i32(1, static_cast<std::int32_t>(leaf - leaves.begin()));
        out.boolean(2, false);
        out.boolean(3, false);
        out.end_struct();
    }
    out.i64(5, group.chunks.empty() ? 0 : group.chunks.front().offset);
    out.i64(6, bytes);
    out.end_struct();
}

std::string Writer::finish() {
    State& state = *state_;
    const std::size_t from = state.file.size();
    thrift::Writer out(state.file);
    out.i32(1, 1);
    state.write_schema(out);
    std::int64_t rows = 0;
    for (const Group& group : state.groups) rows += group.rows;
    out.i64(3, rows);
    out.begin_list(4, thrift::Wire::kStruct, state.groups.size());
    for (const Group& group : state.groups) state.write_group(out, group);
    out.begin_list(5, thrift::Wire::kStruct, state.metadata.size());
    for (const auto& [key, value] : state.metadata) {
        out.begin_element();
        out.binary(1, key);
        out.binary(2, value);
        out.end_struct();
    }
    out.binary(6, "footfall");
    // Least and greatest by the type's own order, of every column: without it readers do not believe the bounds.
    out.begin_list(7, thrift::Wire::kStruct, state.leaves.size());
    for (std::size_t i = 0; i < state.leaves.size(); ++i) {
        out.begin_element();
        out.begin_struct(1);
        out.end_struct();
        out.end_struct();
    }
    out.end_struct();
    put(state.file, static_cast<std::uint32_t>(state.file.size() - from));
    state.file += kMagic;
    return std::move(state.file);
}

}  // namespace footfall::parquet
