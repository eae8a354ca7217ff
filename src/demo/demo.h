#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace footfall::demo {

struct Options {
    std::string address;  ///< of the server, as for http::Client
    std::string key;      ///< of scope collect, for the site "demo"
    std::string timezone = "UTC";
    int days = 30;          ///< of history, today among them
    std::string journal{};  ///< file that remembers what was sent; empty: none
    std::uint64_t seed = 1;
};

/// The demo's traffic: a client that sends what world.h makes. Today's events so far come first, so that there is
/// something to see at once; then live traffic goes on while the days before follow, newest first. After that today's
/// plan is sent as its moments come, and some visitors on top of it, more in the first hours than later: whoever has
/// just started it wants to see life, and who leaves it running wants believable days.
///
/// Logs its progress (demo.history, demo.history_complete). Returns only with an error: the server is gone for good,
/// or does not take the events. One thread.
Error run(const Options& options, Clock& clock);

}  // namespace footfall::demo
