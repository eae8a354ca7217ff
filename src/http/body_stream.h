#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::http {

/// The body of an answer that comes bit by bit, begun by Exchange::stream(). It is given to the client as it comes:
/// what was written since the last bytes were sent is one chunk. Handles are shared and may outlive the connection and
/// the server. All functions are thread-safe; nothing follows end() or abort(), of which one must be called, once.
///
/// The stream is lost where the client has gone, takes nothing for ServerOptions::write_timeout_ms, or the server has
/// stopped: then write() fails, and the rest does nothing.
class BodyStream {
public:
    /// Bytes that may wait to be sent, beside as many that are being sent.
    static constexpr std::size_t kWaitingBytesMax = 256 * 1024;
    static constexpr int kForever = std::numeric_limits<int>::max();

    virtual ~BodyStream() = default;
    /// Adds to the body; where kWaitingBytesMax wait already, it waits until there is room: not for the loop's thread.
    /// kUnavailable where the stream is lost; kTimeout where there is no room for all of it within `timeout_ms`, and
    /// then some of it may be sent.
    virtual Status write(std::string_view bytes, int timeout_ms = kForever) = 0;
    /// The same without waiting: false, and nothing is added, where there is no room, or the stream is lost.
    virtual bool offer(std::string_view bytes) = 0;
    /// The body is whole, with `last` at its end, which may be of any size. Does not wait; the client may get the rest
    /// later. The connection then goes on with its next request, where it may.
    virtual void end(std::string last = {}) = 0;
    /// The body is not whole, and will not be: the connection is closed so that the client can tell.
    virtual void abort() = 0;
};

}  // namespace footfall::http
