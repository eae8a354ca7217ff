#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "app/commands.h"
#include "base/result.h"

namespace footfall::app {

/// The socket through which commands reach a running `serve`: DIR/control.sock, reachable by the data folder's owner
/// alone. It carries the words of a command line and its standard input there, and the output, the errors and the exit
/// code back, so that a command does the same beside a server and without one.
class ControlServer {
public:
    /// Listens; commands run one at a time. `cut` says, as JSON, what a backup has to hold.
    static Result<std::unique_ptr<ControlServer>> start(const std::string& data_dir, Installation& installation,
                                                        std::function<Result<std::string>()> cut);
    ~ControlServer();

private:
    struct State;
    explicit ControlServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Has a running server carry the command out. nullopt where none runs on this data folder.
std::optional<Result<CommandResult>> run_by_server(const std::string& data_dir, std::span<const std::string> argv,
                                                   const std::string& input);

/// Asks a running server what a backup has to hold. nullopt where none runs on this data folder.
std::optional<Result<std::string>> cut_by_server(const std::string& data_dir);

}  // namespace footfall::app
