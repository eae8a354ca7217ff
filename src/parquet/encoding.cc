#include "parquet/encoding.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"

namespace footfall::parquet {
namespace {

constexpr std::size_t kRunMin = 8;
constexpr std::size_t kBlock = 128;
constexpr std::size_t kMiniblocks = 4;
constexpr std::size_t kMiniblock = kBlock / kMiniblocks;
constexpr std::uint64_t kHybridWidthMax = 32;

std::uint64_t to_zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t from_zigzag(std::uint64_t value) {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

/// Packs values of `width` bits, lowest bit first, into bytes.
class Packer {
public:
    Packer(std::string& out, unsigned width) : out_(out), width_(width) {}
    void add(std::uint64_t value) {
        for (unsigned done = 0; done < width_;) {
            const unsigned take = std::min(width_ - done, 8 - used_);
            const auto bits = static_cast<unsigned>((value >> done) & ((1u << take) - 1));
            byte_ |= bits << used_;
            used_ += take;
            done += take;
            if (used_ == 8) flush();
        }
    }
    void flush() {
        if (used_ > 0) out_ += static_cast<char>(byte_);
        byte_ = used_ = 0;
    }

private:
    std::string& out_;
    const unsigned width_;
    unsigned byte_ = 0;
    unsigned used_ = 0;
};

/// The value of `width` bits at a bit; the caller has checked that it is there.
std::uint64_t unpack(std::string_view in, std::size_t bit, unsigned width) {
    std::uint64_t value = 0;
    for (unsigned done = 0; done < width;) {
        const unsigned from = static_cast<unsigned>(bit % 8);
        const unsigned take = std::min(width - done, 8 - from);
        const unsigned byte = static_cast<unsigned char>(in[bit / 8]);
        value |= static_cast<std::uint64_t>((byte >> from) & ((1u << take) - 1)) << done;
        bit += take;
        done += take;
    }
    return value;
}

std::size_t run_at(std::span<const std::uint32_t> values, std::size_t at) {
    std::size_t end = at + 1;
    while (end < values.size() && values[end] == values[at]) ++end;
    return end - at;
}

}  // namespace

unsigned bit_width(std::uint64_t max) { return static_cast<unsigned>(std::bit_width(max)); }

void put_hybrid(std::string& out, std::span<const std::uint32_t> values, unsigned width) {
    for (std::size_t at = 0; at < values.size();) {
        if (const std::size_t run = run_at(values, at); run >= kRunMin) {
            put_varint(out, static_cast<std::uint64_t>(run) << 1);
            for (unsigned bits = 0; bits < width; bits += 8) out += static_cast<char>(values[at] >> bits);
            at += run;
            continue;
        }
        std::size_t end = at;
        do end = std::min(end + 8, values.size());
        while (end < values.size() && run_at(values, end) < kRunMin);
        const std::size_t groups = (end - at + 7) / 8;
        put_varint(out, static_cast<std::uint64_t>(groups) << 1 | 1);
        Packer packer(out, width);
        for (std::size_t i = at; i < at + groups * 8; ++i) packer.add(i < end ? values[i] : 0);
        packer.flush();
        at = end;
    }
}

std::optional<std::vector<std::uint32_t>> take_hybrid(std::string_view& in, std::size_t count, unsigned width) {
    if (width > kHybridWidthMax) return std::nullopt;
    std::vector<std::uint32_t> values;
    while (values.size() < count) {
        const auto head = take_varint(in);
        if (!head || *head >> 1 == 0) return std::nullopt;
        const std::size_t left = count - values.size();
        if ((*head & 1) == 0) {
            const std::size_t bytes = (width + 7) / 8;
            if (in.size() < bytes || *head >> 1 > left) return std::nullopt;
            std::uint32_t value = 0;
            for (std::size_t i = 0; i < bytes; ++i)
                value |= static_cast<std::uint32_t>(static_cast<unsigned char>(in[i])) << (8 * i);
            in.remove_prefix(bytes);
            values.resize(values.size() + (*head >> 1), value);
            continue;
        }
        const std::uint64_t groups = *head >> 1;
        // The last group may have values too many.
        if (groups > left / 8 + 1 || in.size() < groups * width) return std::nullopt;
        const std::size_t here = std::min<std::size_t>(groups * 8, left);
        for (std::size_t i = 0; i < here; ++i)
            values.push_back(static_cast<std::uint32_t>(unpack(in, i * width, width)));
        in.remove_prefix(groups * width);
    }
    return values;
}

void put_deltas(std::string& out, std::span<const std::int64_t> values) {
    put_varint(out, kBlock);
    put_varint(out, kMiniblocks);
    put_varint(out, values.size());
    put_varint(out, to_zigzag(values.empty() ? 0 : values.front()));
    std::vector<std::uint64_t> deltas;
    for (std::size_t at = 1; at < values.size(); at += kBlock) {
        const std::size_t end = std::min(at + kBlock, values.size());
        deltas.clear();
        // Differences wrap around, as they are added again.
        for (std::size_t i = at; i < end; ++i)
            deltas.push_back(static_cast<std::uint64_t>(values[i]) - static_cast<std::uint64_t>(values[i - 1]));
        std::int64_t least = static_cast<std::int64_t>(deltas.front());
        for (const std::uint64_t delta : deltas) least = std::min(least, static_cast<std::int64_t>(delta));
        put_varint(out, to_zigzag(least));
        for (std::uint64_t& delta : deltas) delta -= static_cast<std::uint64_t>(least);
        unsigned widths[kMiniblocks] = {};
        for (std::size_t i = 0; i < deltas.size(); ++i)
            widths[i / kMiniblock] = std::max(widths[i / kMiniblock], bit_width(deltas[i]));
        for (const unsigned width : widths) out += static_cast<char>(width);
        deltas.resize((deltas.size() + kMiniblock - 1) / kMiniblock * kMiniblock, 0);
        for (std::size_t from = 0; from < deltas.size(); from += kMiniblock) {
            Packer packer(out, widths[from / kMiniblock]);
            for (std::size_t i = from; i < from + kMiniblock; ++i) packer.add(deltas[i]);
            packer.flush();
        }
    }
}

std::optional<std::vector<std::int64_t>> take_deltas(std::string_view& in, std::size_t count) {
    const auto block = take_varint(in);
    const auto miniblocks = take_varint(in);
    const auto total = take_varint(in);
    const auto first = take_varint(in);
    if (!first || *block != kBlock || *miniblocks != kMiniblocks || *total != count) return std::nullopt;
    std::vector<std::int64_t> values;
    if (count == 0) return values;
    values.push_back(from_zigzag(*first));
    while (values.size() < count) {
        const auto least = take_varint(in);
        if (!least || in.size() < kMiniblocks) return std::nullopt;
        const std::string_view widths = in.substr(0, kMiniblocks);
        in.remove_prefix(kMiniblocks);
        for (const char byte : widths) {
            if (values.size() == count) break;
            const unsigned width = static_cast<unsigned char>(byte);
            const std::size_t bytes = kMiniblock * width / 8;
            if (width > 64 || in.size() < bytes) return std::nullopt;
            const std::size_t here = std::min(kMiniblock, count - values.size());
            for (std::size_t i = 0; i < here; ++i)
                values.push_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(values.back()) +
                                                           static_cast<std::uint64_t>(from_zigzag(*least)) +
                                                           unpack(in, i * width, width)));
            in.remove_prefix(bytes);
        }
    }
    return values;
}

}  // namespace footfall::parquet
