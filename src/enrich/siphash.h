#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace footfall::enrich {

/// SipHash-2-4 with 64 bits of result (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012): without the key
/// neither a result nor two equal results can be foretold. Parts may be given one after another; the result depends on
/// their concatenation.
class SipHash {
public:
    using Key = std::array<unsigned char, 16>;

    explicit SipHash(const Key& key) {
        std::uint64_t k[2];
        std::memcpy(k, key.data(), sizeof k);
        v0_ = k[0] ^ 0x736f6d6570736575;
        v1_ = k[1] ^ 0x646f72616e646f6d;
        v2_ = k[0] ^ 0x6c7967656e657261;
        v3_ = k[1] ^ 0x7465646279746573;
    }

    SipHash& add(std::string_view part) {
        const char* from = part.data();
        std::size_t left = part.size();
        if (left == 0) return *this;  // memcpy takes no null pointer, not even for nothing
        const std::size_t pending = size_ % 8;
        size_ += left;
        if (pending != 0) {
            const std::size_t taken = left < 8 - pending ? left : 8 - pending;
            std::memcpy(word_ + pending, from, taken);
            if (pending + taken < 8) return *this;
            absorb(word_);
            from += taken;
            left -= taken;
        }
        for (; left >= 8; from += 8, left -= 8) absorb(from);
        if (left > 0) std::memcpy(word_, from, left);
        return *this;
    }
    template <class T>
    SipHash& add_value(const T& value) {
        return add({reinterpret_cast<const char*>(&value), sizeof value});
    }

    /// Ends the hash; nothing may be added afterwards.
    std::uint64_t finish() {
        std::memset(word_ + size_ % 8, 0, 8 - size_ % 8);
        word_[7] = static_cast<char>(size_ & 0xff);
        absorb(word_);
        v2_ ^= 0xff;
        for (int i = 0; i < 4; ++i) round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

private:
    static std::uint64_t rotate(std::uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }
    void round() {
        v0_ += v1_;
        v1_ = rotate(v1_, 13) ^ v0_;
        v0_ = rotate(v0_, 32);
        v2_ += v3_;
        v3_ = rotate(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = rotate(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = rotate(v1_, 17) ^ v2_;
        v2_ = rotate(v2_, 32);
    }
    void absorb(const char* from) {
        std::uint64_t m;
        std::memcpy(&m, from, sizeof m);
        v3_ ^= m;
        round();
        round();
        v0_ ^= m;
    }

    std::uint64_t v0_, v1_, v2_, v3_;
    std::size_t size_ = 0;
    char word_[8] = {};
};

}  // namespace footfall::enrich
