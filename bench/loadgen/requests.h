#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "loadgen/traffic.h"

namespace footfall::loadgen {

struct RequestOptions {
    std::string site_id;
    std::string host;
    std::string path = "/api/v1/events";
    std::size_t events_per_body = 1;
    std::size_t bodies = 2'000;  ///< different ones, used in turn
    std::uint64_t seed = 1;
    /// Addresses from which visitors come, each with any of the user agents; 0: some hundred thousand.
    std::uint64_t addresses = 0;
};

/// Where the driver takes what it sends.
class RequestSource {
public:
    virtual ~RequestSource() = default;
    /// The next request, ready to be sent: head and body. Valid until the next call. Empty: there are no more.
    virtual std::string_view next() = 0;
};

/// Requests as browsers behind a proxy send them: pages by Zipf's law, some 200 user agents, addresses of a few hundred
/// thousand visitors, referrers, campaigns, custom events with properties. They are written once; for each sending only
/// what must differ is patched in place (event ids, times, the visitor's address), about 50 ns an event, so that the
/// generator stays far cheaper than what it measures.
class Requests : public RequestSource {
public:
    Requests(const RequestOptions& options, Clock& clock);

    std::string_view next() override;

private:
    struct Place {
        std::uint32_t event_id = 0;
        std::uint32_t timestamp = 0;
    };
    struct Template {
        std::string text;
        std::uint32_t address = 0;
        std::vector<Place> events;
    };

    Template make(const RequestOptions& options);
    void append_event(const RequestOptions& options, std::string& body, Place& place);

    Clock& clock_;
    const std::uint64_t addresses_;
    std::mt19937_64 random_;
    std::discrete_distribution<std::size_t> page_;
    std::vector<Agent> agents_;
    std::vector<Template> templates_;
    std::size_t next_ = 0;
};

}  // namespace footfall::loadgen
