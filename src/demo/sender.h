#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"

namespace footfall::demo {

/// Sends bodies of events and does not give up where waiting may help. Not thread-safe.
class Sender {
public:
    /// `address` as for http::Client. `key`: of scope collect.
    Sender(const std::string& address, std::string key, Clock& clock);

    /// Returns when every event of the body is acknowledged. Waits as long as the server says (429, 503), and for a
    /// server that does not answer; the events' ids make it safe to send them again. An error where sending again would
    /// not help: the key or the site is gone, or an event was refused.
    Status send(std::string_view body);

private:
    /// A time to wait, or an error that no waiting mends; 0: done.
    Result<std::int64_t> try_once(std::string_view body);

    http::Client client_;
    const std::string authorization_;
    Clock& clock_;
    bool is_waiting_ = false;  ///< said once, not each time
};

}  // namespace footfall::demo
