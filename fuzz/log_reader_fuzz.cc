#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <sys/mman.h>

#include "base/bytes.h"
#include "base/file.h"
#include "log/disk/format.h"
#include "log/disk/scanner.h"

// The bytes behind a segment's header block, as an attacker of the disk would like them. The first byte chooses: even,
// the bytes as they are, which the CRCs mostly turn away; odd, with each frame's CRC put right, so that what stands
// behind the check is reached.

namespace {

using footfall::log::FrameScanner;

constexpr std::uint32_t kSeed = 7;

void put_crcs_right(std::string& bytes) {
    using namespace footfall::log;
    for (std::uint64_t at = 0; at + kFrameHeaderBytes <= bytes.size();) {
        const auto header = decode_frame_header(bytes.data() + at);
        if (!header || header->length > bytes.size() - at - kFrameHeaderBytes) {
            at += kFrameAlign;
            continue;
        }
        const std::string_view payload = std::string_view(bytes).substr(at + kFrameHeaderBytes, header->length);
        const std::uint32_t crc = frame_crc(bytes.data() + at, payload, kSeed);
        std::memcpy(bytes.data() + at + 20, &crc, sizeof(crc));
        at = align_frame(at + kFrameHeaderBytes + header->length);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] % 2 == 1) put_crcs_right(bytes);

    const footfall::File file(::memfd_create("log_reader_fuzz", 0));
    if (!file.is_open() || !file.write_at(bytes, 0)) return 0;
    FrameScanner scanner(file, kSeed, 0, bytes.size(), 0, footfall::log::ReadErrors::kReturn);
    footfall::log::FrameReader reader;
    std::string buffer;
    std::vector<footfall::log::StoredEntry> entries;
    FrameScanner::Frame frame;
    for (;;) {
        const std::uint64_t expected = scanner.expected();
        const auto step = scanner.next(frame);
        FOOTFALL_CHECK(step.has_value());
        if (*step == FrameScanner::Step::kLimit) break;
        if (*step == FrameScanner::Step::kFrame) {
            FOOTFALL_CHECK(frame.header.first_offset == expected);
            entries.clear();
            if (frame.header.raw_length <= (1u << 20) && reader.unpack(frame.header, frame.payload, buffer, entries))
                FOOTFALL_CHECK(entries.size() == frame.header.count);
            continue;
        }
        const auto footer = scanner.footer();
        FOOTFALL_CHECK(footer.has_value());
        const auto found = scanner.resync();
        FOOTFALL_CHECK(found.has_value() && scanner.expected() >= expected);
        if (!*found) break;
    }
    return 0;
}
