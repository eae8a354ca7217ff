#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.h"
#include "app/settings.h"
#include "base/result.h"

namespace footfall::app::cluster {

/// What a process of the cluster form does. A role of the command line is one or several of them.
struct Duties {
    bool collects = false;      ///< takes events and puts them into raw_events
    bool deduplicates = false;  ///< makes `events` of raw_events, and the live numbers of those
    bool loads = false;         ///< writes events and rejected events to the store
    bool answers = false;       ///< the API of who looks, and the page
    bool has_live = false;      ///< the live numbers among it
};

struct Role {
    std::string_view word;
    std::string_view help;
    Duties duties;
};
/// Every role, in the order of the data's way.
std::vector<Role> roles();
std::optional<Role> find_role(std::string_view word);

/// Runs a role until SIGTERM or SIGINT; SIGHUP reads files again. The exit code.
int run_role(const Settings& settings, const Role& role);

/// A process of the cluster form. It shares nothing with others but the engines that the settings name: any number of
/// each role may run, and each may be killed at any time.
class Node {
public:
    struct Options {
        /// Called once, from any thread, when the process must end.
        std::function<void(const Error&)> fatal;
    };
    /// Takes the ports, and opens what the role needs. The catalog has to answer; Kafka, the store and Redis may come
    /// later, and /readyz says what is missing.
    static Result<std::unique_ptr<Node>> open(const Settings& settings, const Role& role, Options options);
    /// Ends in order where stop() was not called.
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    /// Serves: the role's own routes, and what tells how it is on each.
    Status listen();
    /// Takes nothing new, finishes what is in flight, and gives its partitions to others.
    void stop(int grace_ms);

    std::vector<api::NotReady> not_ready() const;
    std::string address() const;
    std::string tls_address() const;
    void reload();

private:
    struct State;
    explicit Node(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace footfall::app::cluster
