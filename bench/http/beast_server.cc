// The same as footfall_server.cc on Boost.Beast: one thread, callbacks, concrete executors, a connection's buffer used
// again, and the timeouts that a server on the open internet cannot be without. `tuned` is what an engineer writes who
// wants the library to look good; `untimed` is that without timeouts; `plain` leaves the buffer as it is made, which
// then reads 512 bytes at first.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Stream = beast::basic_stream<tcp, Executor>;

constexpr std::uint64_t kBodyBytesMax = 1024 * 1024;
constexpr std::uint32_t kHeaderBytesMax = 16 * 1024;
constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr auto kTimeout = std::chrono::seconds(10);

class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Socket socket, std::string_view kind) : stream_(std::move(socket)), has_timeouts_(kind != "untimed") {
        if (kind != "plain") buffer_.reserve(kBufferBytes);
    }

    void read() {
        parser_.emplace();
        parser_->body_limit(kBodyBytesMax);
        parser_->header_limit(kHeaderBytesMax);
        if (has_timeouts_) stream_.expires_after(kTimeout);
        http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
            if (!error) self->answer();
        });
    }

private:
    void answer() {
        response_ = {};
        response_.result(http::status::no_content);
        response_.version(parser_->get().version());
        response_.keep_alive(parser_->get().keep_alive());
        response_.set(http::field::server, "beast");
        if (has_timeouts_) stream_.expires_after(kTimeout);
        http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
            if (!error && self->response_.keep_alive()) self->read();
        });
    }

    Stream stream_;
    const bool has_timeouts_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    http::response<http::empty_body> response_;
};

class Listener {
public:
    Listener(asio::io_context& context, std::string_view kind)
        : acceptor_(context.get_executor(), {asio::ip::address_v4::loopback(), 0}), kind_(kind) {}
    unsigned port() const { return acceptor_.local_endpoint().port(); }
    void accept() {
        acceptor_.async_accept([this](beast::error_code error, Socket socket) {
            if (error) return;
            socket.set_option(tcp::no_delay(true));
            std::make_shared<Session>(std::move(socket), kind_)->read();
            accept();
        });
    }

private:
    asio::basic_socket_acceptor<tcp, Executor> acceptor_;
    const std::string_view kind_;
};

}  // namespace

int main(int argc, char** argv) {
    asio::io_context context(1);
    asio::signal_set ending(context, SIGTERM);
    ending.async_wait([&](beast::error_code, int) { context.stop(); });
    Listener listener(context, argc > 1 ? argv[1] : "tuned");
    listener.accept();
    std::printf("%u\n", listener.port());
    std::fflush(stdout);
    context.run();
    return 0;
}
