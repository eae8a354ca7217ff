#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "loadgen/requests.h"

namespace footfall::loadgen {

struct DriveOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8080;
    std::size_t connections = 32;
    double rate = 0;      ///< requests a second; 0: each connection sends as soon as it is answered (closed loop)
    double seconds = 10;  ///< no request is started after that
    std::uint64_t requests = 0;  ///< nor after that many; 0: no such limit
    int expected_status = 200;
};

struct Result {
    double seconds = 0;          ///< from the first request to the last answer
    std::uint64_t requests = 0;  ///< answered with the expected status
    std::uint64_t events = 0;    ///< "received" of those answers, summed
    std::uint64_t duplicates = 0;
    std::uint64_t rejected = 0;  ///< answers with anything in "rejected"
    std::map<int, std::uint64_t> other_statuses;
    std::uint64_t broken = 0;         ///< connections that ended before their answer
    std::uint64_t late = 0;           ///< requests of an open loop that had to wait for a free connection
    std::vector<float> latencies_ms;  ///< of the requests, sorted
};

/// Sends over kept-open connections on one epoll loop. In an open loop a request's latency counts from when it was due,
/// not from when a connection was free for it, so that a slow server can't hide its queue.
footfall::Result<Result> drive(RequestSource& requests, const DriveOptions& options, Clock& clock);

}  // namespace footfall::loadgen
