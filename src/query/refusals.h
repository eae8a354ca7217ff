#pragma once

#include <string_view>

#include "base/result.h"

/// Why a question has no answer though nothing is wrong with it, for whoever asked: what happened, and what to do.
namespace footfall::query {

/// `Error::name` where the client has gone before its answer.
inline constexpr std::string_view kClientGone = "client_gone";
/// `Error::name` where a question needs more memory than it may have.
inline constexpr std::string_view kMemoryExceeded = "memory_limit_exceeded";

/// kLimited: of its site as many wait as may.
Error site_waits_enough();
/// kOverloaded: as many wait as may.
Error too_many_wait();
/// kOverloaded: its deadline passed before its turn.
Error waited_too_long();
/// kTimeout: its deadline passed while it ran.
Error took_too_long();
/// kUnavailable, kClientGone: nobody reads this one.
Error nobody_waits();
/// kUnavailable: the server ends.
Error stopping();

/// An error of the store as it is told to whoever asked: of memory, kInvalidArgument and kMemoryExceeded where the
/// question alone needs more than query.memory_max, kOverloaded where the store has no more to give beside what else
/// runs. Others stay as they are.
Error as_told(const Error& error);

}  // namespace footfall::query
