#pragma once

#include <string_view>

namespace footfall {

/// What an armed failpoint asks of the code that hit it.
enum class Fault : unsigned char { kNone, kError };

#ifdef FOOTFALL_FAILPOINTS
/// A named fault point. Armed by the environment: FOOTFALL_FAILPOINTS="log.sync=error@17,loader.insert=abort@3,
/// log.write=delay:50@5". The number is the n-th hit (1 is the first); without it every hit. `abort` is a SIGKILL of
/// this process, `delay` sleeps that many milliseconds, `error` is returned for the caller to turn into its own
/// failure. Thread-safe. Compiled out of release builds.
Fault failpoint(std::string_view name);
#else
inline constexpr Fault failpoint(std::string_view) { return Fault::kNone; }
#endif

}  // namespace footfall
