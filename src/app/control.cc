#include "app/control.h"

#include <string>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "base/file.h"
#include "base/json.h"
#include "base/worker_pool.h"
#include "http/client.h"
#include "http/http.h"

namespace footfall::app {
namespace {

constexpr int kCutTimeoutMs = 60'000;
constexpr std::string_view kCutPath = "/backup-cut";
// An audit of a large log takes hours; where the server ends, so does the connection.
constexpr int kCommandTimeoutMs = 24 * 3'600 * 1'000;

std::string socket_of(const std::string& data_dir) { return "unix:" + data_dir + "/control.sock"; }

struct CommandLine {
    std::vector<std::string> argv;
    std::string input;
};

Result<CommandLine> read_command_line(std::string_view body) {
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    simdjson::dom::array words;
    std::string_view input;
    if (parser.parse(body.data(), body.size(), false).get(root) != simdjson::SUCCESS ||
        root["argv"].get(words) != simdjson::SUCCESS || root["input"].get(input) != simdjson::SUCCESS)
        return Error(Code::kInvalidArgument, "a command is {\"argv\":[…],\"input\":…}");
    CommandLine line{.argv = {}, .input = std::string(input)};
    for (const simdjson::dom::element word : words) {
        std::string_view text;
        if (word.get(text) != simdjson::SUCCESS) return Error(Code::kInvalidArgument, "argv holds strings");
        line.argv.emplace_back(text);
    }
    return line;
}

http::Response run(Installation& installation, const CommandLine& line) {
    const CommandResult result = run_command(installation, line.argv, line.input);
    http::Response response;
    json::Writer writer(response.body);
    writer.begin_object();
    writer.member("exit_code", result.exit_code);
    writer.member("output", result.output);
    writer.member("errors", result.errors);
    writer.end_object();
    return response;
}

}  // namespace

struct ControlServer::State {
    State(Installation& i, std::function<Result<std::string>()> c) : installation(i), cut(std::move(c)) {}
    void answer_cut(http::Exchange& exchange);

    Installation& installation;
    const std::function<Result<std::string>()> cut;
    WorkerPool changes{"control", 1, 16};
    /// Apart from the changes of the catalog: a key must be revoked while an audit runs.
    WorkerPool long_looks{"control.long", 1, 4};
    std::unique_ptr<http::Server> server;
};

void ControlServer::State::answer_cut(http::Exchange& exchange) {
    const bool queued = changes.submit([this, &exchange] {
        auto text = cut();
        http::Response response;
        if (text) response.body = std::move(*text);
        else response = http::error_response(text.error());
        exchange.complete(std::move(response));
    });
    if (!queued) exchange.respond(http::error_response(Error(Code::kOverloaded, "too many commands wait")));
}

ControlServer::ControlServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
ControlServer::~ControlServer() { state_->server->stop(1'000); }

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::string& data_dir, Installation& installation,
                                                            std::function<Result<std::string>()> cut) {
    auto state = std::make_unique<State>(installation, std::move(cut));
    State* raw = state.get();
    state->server = std::make_unique<http::Server>(http::ServerOptions{.loops = 1}, [raw](http::Exchange& exchange) {
        if (exchange.request().path == kCutPath) return raw->answer_cut(exchange);
        if (exchange.request().path != "/command" || exchange.request().method != http::Method::kPost)
            return exchange.respond(http::error_response(Error(Code::kNotFound, "there is nothing at this path")));
        auto line = read_command_line(exchange.request().body);
        if (!line) return exchange.respond(http::error_response(line.error()));
        WorkerPool& pool = takes_long(line->argv) ? raw->long_looks : raw->changes;
        if (!pool.submit(
                [raw, &exchange, line = std::move(*line)] { exchange.complete(run(raw->installation, line)); }))
            exchange.respond(http::error_response(Error(Code::kOverloaded, "too many commands wait")));
    });
    TRY_STATUS(state->server->listen(socket_of(data_dir)));
    TRY_STATUS(state->server->start());
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

std::optional<Result<CommandResult>> run_by_server(const std::string& data_dir, std::span<const std::string> argv,
                                                   const std::string& input) {
    http::Client client(socket_of(data_dir));
    std::string body;
    json::Writer writer(body);
    writer.begin_object();
    writer.key("argv");
    writer.begin_array();
    for (const std::string& word : argv) writer.string(word);
    writer.end_array();
    writer.member("input", input);
    writer.end_object();
    auto response = client.send({.method = "POST", .target = "/command", .body = body}, kCommandTimeoutMs);
    if (!response) {
        if (!client.maybe_processed()) return std::nullopt;
        return Result<CommandResult>(
            response.error().context("the server was reached but did not say how the command ended"));
    }
    simdjson::dom::parser parser;
    simdjson::dom::object root;
    std::int64_t exit_code = 0;
    std::string_view output, errors;
    const simdjson::padded_string padded(response->body);
    if (response->status != 200 || parser.parse(padded).get(root) != simdjson::SUCCESS ||
        root["exit_code"].get(exit_code) != simdjson::SUCCESS || root["output"].get(output) != simdjson::SUCCESS ||
        root["errors"].get(errors) != simdjson::SUCCESS)
        return Result<CommandResult>(
            Error(Code::kUnavailable, "the server did not understand the command: " + response->body));
    return Result<CommandResult>(CommandResult{static_cast<int>(exit_code), std::string(output), std::string(errors)});
}

std::optional<Result<std::string>> cut_by_server(const std::string& data_dir) {
    http::Client client(socket_of(data_dir));
    auto response = client.send({.method = "POST", .target = kCutPath}, kCutTimeoutMs);
    if (!response) {
        if (!client.maybe_processed()) return std::nullopt;
        return Result<std::string>(response.error().context("the server was reached but did not answer"));
    }
    if (response->status == 200) return Result<std::string>(std::move(response->body));
    return Result<std::string>(
        Error(Code::kUnavailable, "the server does not say what a backup has to hold: " + response->body));
}

}  // namespace footfall::app
