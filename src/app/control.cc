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

constexpr int kCommandTimeoutMs = 15 * 60 * 1'000;  // an audit of a large log takes minutes

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
    explicit State(Installation& i) : installation(i) {}
    Installation& installation;
    WorkerPool changes{"control", 1, 16};
    /// Apart from the changes: a key must be revoked while an audit runs.
    WorkerPool long_looks{"control.long", 1, 4};
    std::unique_ptr<http::Server> server;
};

ControlServer::ControlServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
ControlServer::~ControlServer() { state_->server->stop(1'000); }

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::string& data_dir, Installation& installation) {
    auto state = std::make_unique<State>(installation);
    State* raw = state.get();
    state->server = std::make_unique<http::Server>(http::ServerOptions{.loops = 1}, [raw](http::Exchange& exchange) {
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

}  // namespace footfall::app
