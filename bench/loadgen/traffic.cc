#include "loadgen/traffic.h"

#include <fmt/format.h>

namespace footfall::loadgen {
namespace {

constexpr std::size_t kAgents = 200;
constexpr std::string_view kSections[] = {"blog", "docs", "shop", "pricing", "help", "news", "about", "products"};

Agent make_agent(std::size_t i) {
    const auto version = 100 + i / 5;
    switch (i % 5) {
        case 0:
            return {fmt::format("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                                "Chrome/{}.0.0.0 Safari/537.36",
                                version),
                    "desktop"};
        case 1:
            return {fmt::format("Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0", version),
                    "desktop"};
        case 2:
            return {
                fmt::format("Mozilla/5.0 (iPhone; CPU iPhone OS {0}_{1} like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
                            "like Gecko) Version/{0}.{1} Mobile/15E148 Safari/604.1",
                            12 + i / 30, i / 5 % 6),
                "mobile"};
        case 3:
            return {fmt::format("Mozilla/5.0 (Linux; Android 14; Pixel {}) AppleWebKit/537.36 (KHTML, like Gecko) "
                                "Chrome/{}.0.0.0 Mobile Safari/537.36",
                                4 + i / 40, version),
                    "mobile"};
        default:
            return {fmt::format("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
                                "Gecko) Version/{}.{} Safari/605.1.15",
                                14 + i / 50, i / 5 % 6),
                    "desktop"};
    }
}

}  // namespace

std::vector<Agent> make_agents() {
    std::vector<Agent> agents;
    for (std::size_t i = 0; i < kAgents; ++i) agents.push_back(make_agent(i));
    return agents;
}

std::string page_path(std::size_t number) {
    return fmt::format("/{}/page-{}", kSections[number % std::size(kSections)], number);
}

std::discrete_distribution<std::size_t> zipf(std::size_t count) {
    std::vector<double> weights;
    for (std::size_t rank = 1; rank <= count; ++rank) weights.push_back(1.0 / static_cast<double>(rank));
    return {weights.begin(), weights.end()};
}

Uuid random_uuid_v7(std::int64_t at_ms, std::mt19937_64& random) {
    Uuid id;
    const std::uint64_t high = static_cast<std::uint64_t>(at_ms) << 16 | 0x7000 | (random() & 0x0fff);
    const std::uint64_t low = (random() & 0x3fff'ffff'ffff'ffff) | 0x8000'0000'0000'0000;
    for (unsigned i = 0; i < 8; ++i) {
        id.bytes[i] = static_cast<unsigned char>(high >> (56 - 8 * i));
        id.bytes[8 + i] = static_cast<unsigned char>(low >> (56 - 8 * i));
    }
    return id;
}

void put_digits(char* out, std::size_t width, std::uint64_t value) {
    for (std::size_t i = width; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

void put_address(char* out, std::uint64_t visitor) {
    put_digits(out, 3, 100 + visitor % 90);
    put_digits(out + 4, 3, 100 + (visitor >> 8) % 4);
    put_digits(out + 8, 3, 100 + (visitor >> 16) % 150);
    put_digits(out + 12, 3, 100 + (visitor >> 24) % 150);
}

}  // namespace footfall::loadgen
