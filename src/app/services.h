#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/api.h"
#include "app/commands.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/result.h"
#include "log/disk/disk_log.h"

namespace footfall::app {

/// Everything behind the HTTP server of the embedded form: catalog, log, deduplication, committer, store child, loader,
/// query service. The one place that chooses implementations. Opened by `serve`, and by commands that need the log and
/// the store when no server runs.
class Services : public Installation {
public:
    struct Options {
        /// Called once, from any thread, when the process must end: the log can't be trusted any more.
        std::function<void(const Error&)> fatal;
        /// listen() will be called: its ports are taken first, so that one in use ends open() before anything is made.
        bool listens = false;
    };
    /// Takes the ports and the installation's lock (waiting up to 5 s for one that is just ending) and opens
    /// everything. The store starts in the background: events are taken before it is there.
    static Result<std::unique_ptr<Services>> open(const Settings& settings, Options options);
    /// Ends in order where stop() was not called.
    ~Services() override;

    /// Starts the HTTP server of the event endpoint, the API and the page; address() then has the port.
    Status listen();

    /// Enough for what is in flight and for the child; less is used where there is less to do.
    static constexpr int kStopGraceMs = 6'000;
    /// Stops accepting, answers what is in flight, loads what the log holds as far as the time allows, and ends the
    /// child.
    void stop(int grace_ms);

    /// Loads the files of enrichment anew within a second, whatever they are like. Returns before that.
    void reload_lists();
    /// What a backup made now has to hold, as JSON.
    Result<std::string> backup_cut() const;

    std::vector<api::NotReady> not_ready() const;
    /// Absolute.
    const std::string& data_dir() const;
    struct Demo {
        std::string sign_in_url;
        std::string collect_key;  ///< for the traffic; ends with this process
        std::string timezone;
        std::string journal;  ///< file that remembers what traffic was sent
    };
    /// Adds the site "demo" and the demo's user where they are not there, and gives a link that signs that user in.
    /// Where the installation is nobody's yet the user is an owner, so that everything can be tried; beside others only
    /// a viewer, since what is printed is often kept.
    Result<Demo> make_demo();

    catalog::Catalog& catalog() override;
    Result<process::AuditReport> audit(const std::string& site_id) override;
    std::vector<Finding> doctor() override;
    Result<std::vector<enrich::ListInfo>> lists() override;
    Result<process::RejectedList> rejected(const process::RejectedFilter& filter,
                                           const process::RejectedPage& page) override;
    Result<ingest::ReplayReport> replay_rejected(const process::RejectedFilter& filter,
                                                 ingest::ReplayMode mode) override;
    Result<process::RescoreReport> preview_rescore(const process::RescoreFilter& filter) override;
    Result<Erasing*> erasing() override;
    Result<Rescoring*> rescoring() override;
    Result<Rebuilding*> rebuilding() override;
    std::string address() const override;
    /// Where https is, with the port that it got; empty where it is nowhere.
    std::string tls_address() const;
    /// Reads the certificate and its key again, as it is done by itself when they change. Thread-safe.
    void reread_certificate();

private:
    struct State;
    explicit Services(std::unique_ptr<State> state);
    std::string status_json() const;
    std::unique_ptr<State> state_;
};

}  // namespace footfall::app
