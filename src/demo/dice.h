#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <numbers>

namespace footfall::demo {

/// Random numbers that are the same for the same words on every machine, unlike std::*_distribution: SplitMix64
/// (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014). A value; not for secrets.
class Dice {
public:
    /// Each word counts, and its place: {1, 2} and {2, 1} are two dice.
    Dice(std::initializer_list<std::uint64_t> words) {
        for (const std::uint64_t word : words) state_ = (next() ^ word) * 0xd6e8feb86659fd93;
    }

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    /// 0 <= x < 1.
    double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    double between(double low, double high) { return low + (high - low) * uniform(); }
    bool chance(double probability) { return uniform() < probability; }
    /// 0 <= x < `end`.
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(uniform() * static_cast<double>(end)); }
    double exponential(double mean) { return -mean * std::log(1 - uniform()); }
    /// Log-normal: half of the values are below `median`; `sigma` is that of the logarithm.
    double around(double median, double sigma) {
        const double normal = std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * std::numbers::pi * uniform());
        return median * std::exp(sigma * normal);
    }
    /// An item of an array, or of a span of one.
    template <class List>
    const auto& pick(const List& from) {
        return from[below(std::size(from))];
    }
    /// The same by weight; at least one weight is above 0.
    template <class List, class Weight>
    const auto& pick(const List& from, const Weight& weight) {
        double total = 0;
        for (const auto& item : from) total += weight(item);
        double left = uniform() * total;
        for (const auto& item : from) {
            left -= weight(item);
            if (left < 0) return item;
        }
        // Rounding may leave a rest behind the last one.
        return *std::find_if(std::rbegin(from), std::rend(from), [&](const auto& item) { return weight(item) > 0; });
    }

private:
    std::uint64_t state_ = 0;
};

}  // namespace footfall::demo
