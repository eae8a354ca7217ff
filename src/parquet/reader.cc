#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <zstd.h>

#include "base/bytes.h"
#include "parquet/encoding.h"
#include "parquet/format.h"
#include "parquet/parquet.h"
#include "parquet/thrift.h"

namespace footfall::parquet {
namespace {

Error damaged(std::string_view what) { return {Code::kCorrupt, fmt::format("a Parquet file is damaged: {}", what)}; }
Error foreign(std::string_view what) {
    return {Code::kUnsupported, fmt::format("a Parquet file is none of ours: {}", what)};
}

struct Chunk {
    std::string path;  ///< parts with '.' between them
    std::int64_t type = -1;
    std::int64_t codec = -1;
    std::int64_t values = 0;
    std::int64_t data_offset = 0;
    std::int64_t dictionary_offset = 0;
    std::int64_t bytes = 0;
};

struct Group {
    std::int64_t rows = 0;
    std::vector<Chunk> chunks;
};

void read_chunk_meta(thrift::Reader& in, Chunk& chunk) {
    thrift::read_struct(in, [&](thrift::Reader::Field field) {
        switch (field.id) {
            case 1: chunk.type = in.integer(field); break;
            case 3: {
                const std::size_t parts = in.list(field, thrift::Wire::kBinary);
                for (std::size_t i = 0; in.ok() && i < parts; ++i) {
                    if (i > 0) chunk.path += '.';
                    chunk.path += in.binary_element();
                }
                break;
            }
            case 4: chunk.codec = in.integer(field); break;
            case 5: chunk.values = in.integer(field); break;
            case 7: chunk.bytes = in.integer(field); break;
            case 9: chunk.data_offset = in.integer(field); break;
            case 11: chunk.dictionary_offset = in.integer(field); break;
            default: in.skip(field.type);
        }
    });
}

void read_group(thrift::Reader& in, Group& group) {
    thrift::read_struct(in, [&](thrift::Reader::Field field) {
        if (field.id == 3) {
            group.rows = in.integer(field);
        } else if (field.id == 1) {
            const std::size_t chunks = in.list(field, thrift::Wire::kStruct);
            for (std::size_t i = 0; in.ok() && i < chunks; ++i) {
                Chunk chunk;
                thrift::read_struct(in, [&](thrift::Reader::Field part) {
                    if (part.id == 3 && part.type == thrift::Wire::kStruct) read_chunk_meta(in, chunk);
                    else in.skip(part.type);
                });
                group.chunks.push_back(std::move(chunk));
            }
        } else {
            in.skip(field.type);
        }
    });
}

struct PageHeader {
    std::int64_t type = -1;
    std::int64_t raw_bytes = 0;
    std::int64_t bytes = 0;
    std::int64_t values = 0;
    std::int64_t encoding = -1;
};

PageHeader read_page_header(thrift::Reader& in) {
    PageHeader header;
    thrift::read_struct(in, [&](thrift::Reader::Field field) {
        switch (field.id) {
            case 1: header.type = in.integer(field); break;
            case 2: header.raw_bytes = in.integer(field); break;
            case 3: header.bytes = in.integer(field); break;
            case 5:
            case 7:
                if (field.type != thrift::Wire::kStruct) return in.fail();
                thrift::read_struct(in, [&](thrift::Reader::Field part) {
                    if (part.id == 1) header.values = in.integer(part);
                    else if (part.id == 2) header.encoding = in.integer(part);
                    else in.skip(part.type);
                });
                break;
            default: in.skip(field.type);
        }
    });
    return header;
}

bool is(std::int64_t value, auto named) { return value == static_cast<std::int64_t>(named); }

Result<std::string> unpacked(const PageHeader& header, std::int64_t codec, std::string_view bytes) {
    if (is(codec, Codec::kNone)) return std::string(bytes);
    if (!is(codec, Codec::kZstd)) return foreign("its compression is not ZSTD");
    std::string raw(static_cast<std::size_t>(header.raw_bytes), '\0');
    const std::size_t size = ZSTD_decompress(raw.data(), raw.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(size) != 0 || size != raw.size()) return damaged("a page that does not decompress");
    return raw;
}

bool take_texts(std::string_view& in, std::size_t count, Texts& texts) {
    for (std::size_t i = 0; i < count; ++i) {
        if (in.size() < 4) return false;
        const auto size = get<std::uint32_t>(in.data());
        in.remove_prefix(4);
        if (in.size() < size) return false;
        texts.add(in.substr(0, size));
        in.remove_prefix(size);
    }
    return true;
}

std::optional<std::vector<std::uint32_t>> take_levels(std::string_view& in, std::size_t count) {
    if (in.size() < 4) return std::nullopt;
    const auto size = get<std::uint32_t>(in.data());
    in.remove_prefix(4);
    if (in.size() < size) return std::nullopt;
    std::string_view runs = in.substr(0, size);
    in.remove_prefix(size);
    return take_hybrid(runs, count, 1);
}

/// What the pages of a chunk hold, one behind the other.
struct Values {
    std::vector<std::int64_t> integers;
    std::vector<double> reals;
    Texts texts;
    std::vector<std::uint32_t> repetition;  ///< of a map
    std::vector<std::uint32_t> definition;
};

class ChunkReader {
public:
    ChunkReader(std::string_view file, const Chunk& chunk, bool is_of_map)
        : file_(file), chunk_(chunk), is_of_map_(is_of_map) {}

    Result<Values> read() {
        const std::int64_t from = chunk_.dictionary_offset > 0 ? chunk_.dictionary_offset : chunk_.data_offset;
        if (from < 4 || chunk_.bytes < 0 || chunk_.values < 0 || chunk_.values > kValuesMax ||
            static_cast<std::uint64_t>(from) > file_.size() ||
            static_cast<std::uint64_t>(chunk_.bytes) > file_.size() - static_cast<std::uint64_t>(from))
            return damaged("a column beyond its end");
        std::string_view in = file_.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(chunk_.bytes));
        std::int64_t values = 0;
        while (values < chunk_.values) {
            thrift::Reader reader(in);
            const PageHeader header = read_page_header(reader);
            in = reader.rest();
            if (!reader.ok() || header.bytes < 0 || static_cast<std::uint64_t>(header.bytes) > in.size() ||
                header.raw_bytes < 0 || header.raw_bytes > kPageBytesMax || header.values < 0 ||
                header.values > chunk_.values)
                return damaged("the header of a page");
            TRY(const std::string raw,
                unpacked(header, chunk_.codec, in.substr(0, static_cast<std::size_t>(header.bytes))));
            in.remove_prefix(static_cast<std::size_t>(header.bytes));
            if (is(header.type, PageType::kDictionary)) {
                std::string_view texts = raw;
                if (!take_texts(texts, static_cast<std::size_t>(header.values), dictionary_))
                    return damaged("a dictionary");
                continue;
            }
            if (!is(header.type, PageType::kData)) return foreign("a page of another type");
            TRY_STATUS(read_data(header, raw));
            values += header.values;
        }
        return std::move(values_);
    }

private:
    Status read_data(const PageHeader& header, std::string_view raw) {
        auto count = static_cast<std::size_t>(header.values);
        if (is_of_map_) {
            const auto repetition = take_levels(raw, count);
            const auto definition = take_levels(raw, count);
            if (!repetition || !definition) return damaged("the levels of a page");
            values_.repetition.insert(values_.repetition.end(), repetition->begin(), repetition->end());
            values_.definition.insert(values_.definition.end(), definition->begin(), definition->end());
            count = static_cast<std::size_t>(std::count(definition->begin(), definition->end(), 1u));
        }
        if (is(chunk_.type, Physical::kByteArray)) return read_texts(header, raw, count);
        if (is(chunk_.type, Physical::kInt64)) return read_integers(header, raw, count);
        if (!is(header.encoding, Encoding::kPlain)) return foreign("an encoding of numbers");
        if (is(chunk_.type, Physical::kDouble)) {
            if (raw.size() != count * sizeof(double)) return damaged("a page of numbers");
            for (std::size_t i = 0; i < count; ++i)
                values_.reals.push_back(get<double>(raw.data() + i * sizeof(double)));
            return {};
        }
        if (!is(chunk_.type, Physical::kBoolean)) return foreign("a type");
        if (raw.size() != (count + 7) / 8) return damaged("a page of bits");
        for (std::size_t i = 0; i < count; ++i) values_.integers.push_back(raw[i / 8] >> (i % 8) & 1);
        return {};
    }

    Status read_integers(const PageHeader& header, std::string_view raw, std::size_t count) {
        if (is(header.encoding, Encoding::kDeltas)) {
            const auto values = take_deltas(raw, count);
            if (!values) return damaged("a page of differences");
            values_.integers.insert(values_.integers.end(), values->begin(), values->end());
            return {};
        }
        if (!is(header.encoding, Encoding::kPlain)) return foreign("an encoding of numbers");
        if (raw.size() != count * sizeof(std::int64_t)) return damaged("a page of numbers");
        for (std::size_t i = 0; i < count; ++i)
            values_.integers.push_back(get<std::int64_t>(raw.data() + i * sizeof(std::int64_t)));
        return {};
    }

    Status read_texts(const PageHeader& header, std::string_view raw, std::size_t count) {
        if (is(header.encoding, Encoding::kPlain)) {
            if (!take_texts(raw, count, values_.texts)) return damaged("a page of texts");
            return {};
        }
        if (!is(header.encoding, Encoding::kDictionary) && !is(header.encoding, Encoding::kPlainDictionary))
            return foreign("an encoding of texts");
        if (raw.empty()) return damaged("a page of texts");
        const unsigned width = static_cast<unsigned char>(raw.front());
        raw.remove_prefix(1);
        const auto indexes = take_hybrid(raw, count, width);
        if (!indexes) return damaged("a page of texts");
        for (const std::uint32_t index : *indexes) {
            if (index >= dictionary_.size()) return damaged("a text that its dictionary does not have");
            bytes_ += dictionary_[index].size();
            // A few bytes may name a long text a million times.
            if (bytes_ > static_cast<std::size_t>(kPageBytesMax)) return damaged("a column that is too large");
            values_.texts.add(dictionary_[index]);
        }
        return {};
    }

    const std::string_view file_;
    const Chunk& chunk_;
    const bool is_of_map_;
    Texts dictionary_;
    Values values_;
    std::size_t bytes_ = 0;
};

}  // namespace

struct Reader::State {
    std::string_view file;
    std::map<std::string, std::string> metadata;
    std::vector<Group> groups;

    void read_footer(thrift::Reader& in) {
        thrift::read_struct(in, [&](thrift::Reader::Field field) {
            if (field.id == 4) {
                const std::size_t size = in.list(field, thrift::Wire::kStruct);
                for (std::size_t i = 0; in.ok() && i < size; ++i) read_group(in, groups.emplace_back());
            } else if (field.id == 5) {
                const std::size_t size = in.list(field, thrift::Wire::kStruct);
                for (std::size_t i = 0; in.ok() && i < size; ++i) {
                    std::string key;
                    std::string value;
                    thrift::read_struct(in, [&](thrift::Reader::Field part) {
                        if (part.id == 1) key = in.binary(part);
                        else if (part.id == 2) value = in.binary(part);
                        else in.skip(part.type);
                    });
                    metadata.emplace(std::move(key), std::move(value));
                }
            } else {
                in.skip(field.type);
            }
        });
    }
};

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;

Result<Reader> Reader::open(std::string_view file) {
    constexpr std::size_t kTail = 8;
    if (file.size() < kMagic.size() + kTail || !file.starts_with(kMagic) || !file.ends_with(kMagic))
        return damaged("it does not begin and end as one");
    const auto size = get<std::uint32_t>(file.data() + file.size() - kTail);
    if (size > file.size() - kMagic.size() - kTail) return damaged("its footer is longer than the file");
    auto state = std::make_unique<State>();
    state->file = file;
    thrift::Reader in(file.substr(file.size() - kTail - size, size));
    state->read_footer(in);
    if (!in.ok()) return damaged("its footer");
    for (const Group& group : state->groups)
        if (group.rows < 0 || group.rows > kValuesMax) return damaged("its footer");
    return Reader(std::move(state));
}

const std::map<std::string, std::string>& Reader::metadata() const { return state_->metadata; }
std::size_t Reader::row_groups() const { return state_->groups.size(); }
std::size_t Reader::rows(std::size_t row_group) const {
    return static_cast<std::size_t>(state_->groups[row_group].rows);
}

Result<Column> Reader::read(std::size_t row_group, const ColumnSpec& column) const {
    const Group& group = state_->groups[row_group];
    const bool is_map = column.type == Type::kTextMap;
    const auto values_of = [&](const std::string& path) -> Result<Values> {
        const auto chunk =
            std::find_if(group.chunks.begin(), group.chunks.end(), [&](const Chunk& c) { return c.path == path; });
        if (chunk == group.chunks.end()) return Error(Code::kNotFound, "a Parquet file has no column " + column.name);
        if (!is(chunk->type, physical_of(column.type))) return foreign("the type of the column " + column.name);
        auto values = ChunkReader(state_->file, *chunk, is_map).read();
        if (!values) return values.error().context("column " + column.name);
        return values;
    };
    Column out;
    if (!is_map) {
        TRY(Values values, values_of(column.name));
        out.integers = std::move(values.integers);
        out.reals = std::move(values.reals);
        out.texts = std::move(values.texts);
        if (out.integers.size() + out.reals.size() + out.texts.size() != rows(row_group))
            return damaged("a column has not as many values as there are rows");
        return out;
    }
    TRY(Values keys, values_of(column.name + ".key_value.key"));
    TRY(Values values, values_of(column.name + ".key_value.value"));
    if (keys.repetition != values.repetition || keys.definition != values.definition ||
        keys.texts.size() != values.texts.size() || (!keys.repetition.empty() && keys.repetition.front() != 0))
        return damaged("keys and values of a map do not fit");
    std::uint32_t pairs = 0;
    for (std::size_t i = 0; i < keys.repetition.size(); ++i) {
        if (keys.repetition[i] != 0 && (keys.definition[i] == 0 || keys.definition[i - 1] == 0))
            return damaged("a map without an entry goes on");
        if (i > 0 && keys.repetition[i] == 0) out.map_ends.push_back(pairs);
        pairs += keys.definition[i];
    }
    if (!keys.repetition.empty()) out.map_ends.push_back(pairs);
    if (out.map_ends.size() != rows(row_group)) return damaged("a column has not as many values as there are rows");
    out.texts = std::move(keys.texts);
    out.map_values = std::move(values.texts);
    return out;
}

}  // namespace footfall::parquet
