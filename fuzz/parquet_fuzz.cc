#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "parquet/encoding.h"
#include "parquet/parquet.h"

// A file of the archive as somebody else would write it. The first byte chooses: the bytes as a file, of which every
// column is read, or as one of the encodings of numbers, which stand behind compression in a file.

namespace {

using namespace footfall::parquet;

void read_file(std::string_view file) {
    const auto reader = Reader::open(file);
    if (!reader) return;
    static const ColumnSpec kColumns[] = {{"site", Type::kText},         {"is_bot", Type::kBool},
                                          {"visitor", Type::kUInt64},    {"time", Type::kTimestampMs},
                                          {"lcp", Type::kDouble},        {"revenue", Type::kDecimal4},
                                          {"properties", Type::kTextMap}};
    for (std::size_t group = 0; group < reader->row_groups() && group < 8; ++group)
        for (const ColumnSpec& spec : kColumns) {
            const auto column = reader->read(group, spec);
            if (!column) continue;
            const std::size_t rows = reader->rows(group);
            FOOTFALL_CHECK(column->integers.size() + column->reals.size() + column->map_ends.size() == rows ||
                           column->texts.size() == rows);
            FOOTFALL_CHECK(column->map_ends.empty() || column->map_ends.back() == column->texts.size());
        }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 4) return 0;
    std::string_view in(reinterpret_cast<const char*>(data) + 3, size - 3);
    const std::size_t count = data[1] | static_cast<std::size_t>(data[2]) << 8;
    if (data[0] % 3 == 0) {
        read_file(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
    } else if (data[0] % 3 == 1) {
        const auto values = take_hybrid(in, count, data[0] / 3u % 40);
        FOOTFALL_CHECK(!values || values->size() == count);
    } else {
        const auto values = take_deltas(in, count);
        FOOTFALL_CHECK(!values || values->size() == count);
    }
    return 0;
}
