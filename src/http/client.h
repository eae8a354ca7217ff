#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace footfall::http {

class ClientTls;
class TlsStream;

struct ClientRequest {
    std::string_view method = "GET";
    std::string_view target = "/";  ///< path and query, encoded
    /// Beside Host, Content-Length and Connection, which the client writes itself.
    std::vector<std::pair<std::string_view, std::string_view>> headers{};
    std::string_view body{};  ///< sent as it is, without a copy
    /// What an answer's body may be compressed by: gzip, zstd or br. It is asked for (Accept-Encoding), and taken off
    /// as it comes, of any status, so that limits are of what comes out. Empty: bodies are given as they come.
    std::string_view accept_encoding{};
};

struct ClientResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
    std::string body;

    /// Value of the first header of that name; empty where there is none.
    std::string_view header(std::string_view lower_case_name) const;
};

/// `Error::name` where the caller asked for the wait to end.
inline constexpr std::string_view kStopped = "stopped";

/// A blocking HTTP/1.1 client of one server: one object is one connection, kept alive between requests and opened again
/// where it was lost. For programs on this machine and in this installation, not for the open internet: it resolves
/// names and connects to whatever it is told. Not thread-safe; a pool lends each object to one thread.
class Client {
public:
    static constexpr std::size_t kAnswerBytesMax = 512u << 20;
    /// "unix:/path", "host:port", "http://host:port", or "https://host:port" with `tls`; all addresses of a name are
    /// tried. `answer_bytes_max`: a longer answer is kTooLarge.
    explicit Client(std::string address, std::size_t answer_bytes_max = kAnswerBytesMax,
                    std::shared_ptr<const ClientTls> tls = nullptr);
    ~Client();

    /// Sends a request and reads its answer within `timeout_ms`. Any status is an answer, not an error. An answer that
    /// comes before the whole body was sent ("413", "503") is an answer too; the rest of the body is not sent then.
    /// kUnavailable: no connection, it broke, or the answer is no HTTP or does not decompress; kTimeout; kTooLarge;
    /// kInvalidArgument: the address or the request is wrong. After an error the connection is closed, and
    /// `maybe_processed()` says whether the server may have acted on the request. A kept connection that the server
    /// closed meanwhile is opened again, once, without the caller noticing, as long as no byte of an answer came and
    /// either none of the request was accepted or it `is_idempotent`. `stop` ends the wait at once from any thread
    /// (kUnavailable, kStopped): the connection is closed, by which the server can tell that nobody waits any more.
    Result<ClientResponse> send(const ClientRequest& request, int timeout_ms, bool is_idempotent = false,
                                const std::stop_token& stop = {});

    /// Takes a part of an answer's body; the answer's head is there already. An error ends the answer.
    using Sink = std::function<Status(const ClientResponse& head, std::string_view part)>;
    /// The same, with the body given to `sink` as it comes instead of being kept: of any size, in parts of less than
    /// 256 KiB. What returns has no body. Where it fails, a part may have been given already: such a request is not
    /// sent again. The sink's own error is returned as it is, with the connection closed.
    Result<ClientResponse> send_streaming(const ClientRequest& request, int timeout_ms, const Sink& sink,
                                          const std::stop_token& stop = {});

    /// Of the last send() that failed: false only where the request cannot have reached the server's handler.
    bool maybe_processed() const { return maybe_processed_; }
    bool is_open() const { return socket_.is_open(); }
    void close();

private:
    /// How the body of an answer is framed.
    struct Framing {
        bool chunked = false;
        bool has_length = false;
        std::size_t content_length = 0;
        bool close_after = false;
    };

    Result<ClientResponse> send_within(const ClientRequest& request, std::int64_t deadline_ns, bool is_idempotent);
    Status connect(std::int64_t deadline_ns);
    Status begin_tls(std::int64_t deadline_ns);
    /// Gives what TLS has collected to the socket.
    Status flush_tls(std::int64_t deadline_ns);
    /// Whether the server has closed the idle connection, or sent what nobody asked for.
    bool is_stale();
    Result<ClientResponse> exchange(const ClientRequest& request, std::int64_t deadline_ns);
    /// False where the server answers, or has hung up, before it had everything.
    Result<bool> write_all(std::string_view head, std::string_view body, std::int64_t deadline_ns);
    Status read_head(ClientResponse& response, Framing& framing, std::int64_t deadline_ns);
    Status read_body(ClientResponse& response, Framing& framing, std::int64_t deadline_ns);
    /// The same of one whose Content-Encoding is to be taken off.
    Status read_encoded(ClientResponse& response, Framing& framing, std::int64_t deadline_ns);
    Status read_chunks(ClientResponse& response, std::int64_t deadline_ns);
    /// Gives what there is of the body to the sink, where there is one.
    Status pass_on(ClientResponse& response);
    /// Appends what is received to `out`, at most `size_max` bytes; false at the end of the stream.
    Result<bool> receive(std::string& out, std::size_t size_max, std::int64_t deadline_ns);
    /// Appends so much to the body.
    Status read_exactly(ClientResponse& response, std::size_t size, std::int64_t deadline_ns);
    Result<std::string> read_line(std::int64_t deadline_ns);
    /// The events that came, of those asked for.
    Result<short> wait(short events, std::int64_t deadline_ns);
    Error too_large() const;

    const std::string address_;
    const std::string host_;
    const std::size_t answer_bytes_max_;
    const std::shared_ptr<const ClientTls> tls_;
    File socket_;
    std::unique_ptr<TlsStream> stream_;  ///< on the socket, with tls_
    File wake_;                          ///< an eventfd that ends a wait; open while a send() can be stopped
    std::stop_token stop_;
    const Sink* sink_ = nullptr;  ///< of the body that is being read
    std::string buffer_;          ///< read, and used up to buffer_at_
    std::size_t buffer_at_ = 0;
    bool maybe_processed_ = false;
    bool answer_started_ = false;
};

}  // namespace footfall::http
