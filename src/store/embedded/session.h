#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/embedded/engine.h"

namespace footfall::store::embedded {

/// Settings of a statement and the database that its bare names mean.
struct Scope {
    std::map<std::string, std::string> settings;
    std::string database = "default";
};

/// A connection of the engine that knows which settings it carries. enter() changes just what differs from the last
/// statement's, so nothing of one request reaches the next, and requests alike cost no extra statement (a SET costs
/// about 0.5 ms). Not thread-safe.
class Session {
public:
    /// `standard` are the settings that every statement starts from.
    Session(std::unique_ptr<Connection> connection, const std::map<std::string, std::string>& standard);

    /// Makes the scope the session's. An outcome with an error: the scope is refused, and the session must be dropped.
    Outcome enter(const Scope& scope);
    Connection& connection() { return *connection_; }

private:
    std::unique_ptr<Connection> connection_;
    const std::map<std::string, std::string>& standard_;
    Scope current_;
};

/// Sessions that wait for their next statement. Thread-safe. Whoever takes one gives it back, unless something went
/// wrong with it.
class SessionPool {
public:
    SessionPool(const Engine& engine, std::vector<std::string> connect_arguments,
                std::map<std::string, std::string> standard);

    /// Opens the first connection and keeps it: without any the engine would close, and with it everything that it
    /// holds in memory.
    Status open();
    Result<std::unique_ptr<Session>> take();
    void give_back(std::unique_ptr<Session> session);

private:
    const Engine& engine_;
    const std::vector<std::string> arguments_;
    const std::map<std::string, std::string> standard_;
    std::unique_ptr<Connection> anchor_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Session>> idle_;
};

}  // namespace footfall::store::embedded
