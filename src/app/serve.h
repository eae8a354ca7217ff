#pragma once

#include <span>
#include <string>

#include "app/settings.h"

namespace footfall::app {

struct ServeOptions {
    bool demo = false;
};

/// `footfall serve`: runs until SIGTERM or SIGINT, or until a failure that only a restart can mend. Returns the exit
/// code: 0 after a signal.
int serve(const Settings& settings, ServeOptions options);

/// `footfall store`: the child that serve starts.
int run_store_role(std::span<const std::string> argv);

/// `footfall demo`: the traffic generator that `serve --demo` starts, a separate client of the real endpoint.
int run_demo_traffic(std::span<const std::string> argv);

}  // namespace footfall::app
