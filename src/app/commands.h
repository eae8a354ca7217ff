#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/args.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "enrich/enrich.h"
#include "ingest/replay.h"
#include "process/audit.h"
#include "process/rejected.h"
#include "process/rescore.h"

namespace footfall::app {

/// What `footfall doctor` says of one part.
struct Finding {
    std::string part;
    bool ok = true;
    std::string what;  ///< what is so, or what is wrong
    std::string mend;  ///< what to do; empty where nothing is wrong
};

class Erasing;
class Rebuilding;
class Rescoring;

/// An installation as commands see it: a running `serve` (then commands are carried out inside it) or a data folder
/// that this process opened.
class Installation {
public:
    virtual ~Installation() = default;
    virtual catalog::Catalog& catalog() = 0;
    /// Waits until the store holds what the log held when it was called, then compares.
    virtual Result<process::AuditReport> audit(const std::string& site_id) = 0;
    virtual std::vector<Finding> doctor() = 0;
    /// Those that enrichment stands on.
    virtual Result<std::vector<enrich::ListInfo>> lists() = 0;
    /// Rejected events. These two wait as audit() does.
    virtual Result<process::RejectedList> rejected(const process::RejectedFilter& filter,
                                                   const process::RejectedPage& page) = 0;
    virtual Result<ingest::ReplayReport> replay_rejected(const process::RejectedFilter& filter,
                                                         ingest::ReplayMode mode) = 0;
    /// What today's lists would say otherwise of stored events. Waits as audit() does.
    virtual Result<process::RescoreReport> preview_rescore(const process::RescoreFilter& filter) = 0;
    /// What erases and exports.
    virtual Result<Erasing*> erasing() = 0;
    /// What judges stored events again.
    virtual Result<Rescoring*> rescoring() = 0;
    /// What makes the tables anew.
    virtual Result<Rebuilding*> rebuilding() = 0;
    /// HOST:PORT of its HTTP server, where it listens or would.
    virtual std::string address() const = 0;
};

struct CommandResult {
    int exit_code = 0;  ///< 0 done, 1 failed, 2 wrong usage
    std::string output;
    std::string errors;
};

/// Whether `word` names a command of run_command().
bool is_data_command(std::string_view word);
/// Whether the command is carried out by the process that was asked, not by a server that runs:
/// run_in_own_process().
bool runs_in_own_process(std::span<const std::string> argv);
/// The arguments of a command line that judge_command() has let pass.
Args args_of_command(std::span<const std::string> argv);
/// What a command that came to an error gives: 2 for wrong usage, 1 for all else.
CommandResult failed(const Error& error);
/// That something with the id of the first argument was removed, as asked for: its id as JSON, or `text`.
CommandResult removed(const Args& args, std::string text);
/// Carries out `site`, `goal`, `segment`, `annotation`, `user`, `key`, `rejected`, `bots`, `export`, `erase`,
/// `rebuild`, `audit`, `lists` or `doctor`: argv[0] is that word. `input` is what stood on standard input, for those
/// that read it. The effect holds when it returns. Thread-safe as far as the installation is.
CommandResult run_command(Installation& installation, std::span<const std::string> argv, const std::string& input);
/// What a wrong command line, or one that asks for help, comes to; nothing where run_command() would carry it out.
/// Looks at no installation.
std::optional<CommandResult> judge_command(std::span<const std::string> argv);
/// Whether the command fails where there is no installation.
bool needs_installation(std::span<const std::string> argv);
/// Whether the command only looks, and so finds nothing where there is no installation. What neither needs one nor only
/// looks begins one.
bool only_looks(std::span<const std::string> argv);
/// Whether the command may take minutes; nobody waits for its change of the catalog then.
bool takes_long(std::span<const std::string> argv);
/// Whether its output comes page by page: run_pages().
bool gives_pages(std::span<const std::string> argv);
/// Whether the command line reads standard input.
bool reads_input(std::span<const std::string> argv);
/// The link that uses a token once, for a browser of this machine. The token stands behind '#': a browser doesn't send
/// that, so no log has it.
std::string set_up_url(const std::string& address, std::string_view token);
std::string sign_in_url(const std::string& address, std::string_view token);
std::span<const Flag> serve_flags();
std::span<const Flag> role_flags();
/// Help of one command, or of all where the word is empty or unknown.
std::string help_text(std::string_view word);
/// An error in the form of the command line: one sentence.
std::string error_line(const Error& error);

}  // namespace footfall::app
