#include "store/embedded/session.h"

#include <algorithm>

#include <fmt/format.h>

namespace footfall::store::embedded {
namespace {

std::string quoted(std::string_view value, char quote) {
    std::string out(1, quote);
    for (const char c : value) {
        if (c == '\\' || c == quote) out += '\\';
        out += c;
    }
    out += quote;
    return out;
}

bool is_setting_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

}  // namespace

Session::Session(std::unique_ptr<Connection> connection, const std::map<std::string, std::string>& standard)
    : connection_(std::move(connection)), standard_(standard) {}

Outcome Session::enter(const Scope& scope) {
    std::string changes;
    const auto change = [&](const std::string& name, const std::string& value) {
        changes += changes.empty() ? "SET " : ", ";
        changes += name + " = " + value;
    };
    for (const auto& [name, value] : current_.settings) {
        if (scope.settings.contains(name)) continue;
        // DEFAULT means the engine's default, not what the connection was opened with.
        const auto standard = standard_.find(name);
        change(name, standard == standard_.end() ? "DEFAULT" : quoted(standard->second, '\''));
    }
    for (const auto& [name, value] : scope.settings) {
        if (!is_setting_name(name)) {
            Outcome refused;
            refused.error =
                fmt::format("Code: 115. DB::Exception: Unknown setting '{}'. (UNKNOWN_SETTING)", name.substr(0, 64));
            return refused;
        }
        const auto current = current_.settings.find(name);
        if (current == current_.settings.end() || current->second != value) change(name, quoted(value, '\''));
    }
    if (!changes.empty()) {
        Outcome outcome = connection_->run(changes, "Null", {});
        if (!outcome.error.empty()) return outcome;
    }
    current_.settings = scope.settings;
    if (scope.database != current_.database) {
        Outcome outcome = connection_->run("USE " + quoted(scope.database, '`'), "Null", {});
        if (!outcome.error.empty()) return outcome;
        current_.database = scope.database;
    }
    return {};
}

SessionPool::SessionPool(const Engine& engine, std::vector<std::string> connect_arguments,
                         std::map<std::string, std::string> standard)
    : engine_(engine), arguments_(std::move(connect_arguments)), standard_(std::move(standard)) {}

Status SessionPool::open() {
    TRY(anchor_, engine_.connect(arguments_));
    return {};
}

Result<std::unique_ptr<Session>> SessionPool::take() {
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto session = std::move(idle_.back());
            idle_.pop_back();
            return session;
        }
    }
    std::vector<std::string> arguments = arguments_;
    for (const auto& [name, value] : standard_) arguments.push_back(fmt::format("--{}={}", name, value));
    TRY(auto connection, engine_.connect(arguments));
    return std::make_unique<Session>(std::move(connection), standard_);
}

void SessionPool::give_back(std::unique_ptr<Session> session) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(session));
}

}  // namespace footfall::store::embedded
