#include "app/offline.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "app/control.h"
#include "app/data_format.h"
#include "app/erase_commands.h"
#include "app/machine.h"
#include "app/services.h"
#include "base/file.h"
#include "base/logging.h"

namespace footfall::app {
namespace {

constexpr int kLockWaitMs = 5'000;

Error no_installation(const std::string& data_dir) {
    return {Code::kNotFound,
            "there is no installation in " + data_dir + "; check --data, or begin one with 'footfall serve'"};
}

/// An installation without a server. The catalog is opened for every command; the log and the store only for those that
/// look at them.
class OfflineInstallation final : public Installation {
public:
    OfflineInstallation(Settings settings, std::unique_ptr<catalog::Catalog> catalog, LockFile lock)
        : settings_(std::move(settings)), catalog_(std::move(catalog)), lock_(std::move(lock)) {}

    catalog::Catalog& catalog() override { return services_ ? services_->catalog() : *catalog_; }

    std::string address() const override { return settings_.http_listen; }

    Result<process::AuditReport> audit(const std::string& site_id) override {
        // A wrong word is judged before anything is started for it.
        if (!site_id.empty() && catalog().snapshot()->site(site_id) == nullptr)
            return Error(Code::kNotFound, "there is no site '" + site_id + "'; see 'footfall site list'", "--site");
        TRY_STATUS(open_services());
        return services_->audit(site_id);
    }

    Result<process::RejectedList> rejected(const process::RejectedFilter& filter,
                                           const process::RejectedPage& page) override {
        TRY_STATUS(open_services());
        return services_->rejected(filter, page);
    }

    Result<ingest::ReplayReport> replay_rejected(const process::RejectedFilter& filter,
                                                 ingest::ReplayMode mode) override {
        TRY_STATUS(open_services());
        return services_->replay_rejected(filter, mode);
    }

    Result<process::RescoreReport> preview_rescore(const process::RescoreFilter& filter) override {
        TRY_STATUS(open_services());
        return services_->preview_rescore(filter);
    }
    Result<Erasing*> erasing() override {
        TRY_STATUS(open_services());
        return services_->erasing();
    }
    Result<Rescoring*> rescoring() override {
        TRY_STATUS(open_services());
        return services_->rescoring();
    }
    Result<Rebuilding*> rebuilding() override {
        TRY_STATUS(open_services());
        return services_->rebuilding();
    }

    std::vector<Finding> doctor() override {
        if (const Status status = open_services(); !status)
            return {
                {"installation", false, status.error().message, "follow what the message says, then run doctor again"}};
        // The store needs a moment; a question that has to wait for it tells whether it comes.
        const auto report = services_->audit("");
        auto findings = services_->doctor();
        if (!report) findings.push_back({"audit", false, report.error().message, "see the other findings"});
        else
            findings.push_back({"audit", report->ok(),
                                report->ok() ? "log and tables are equal" : "log and tables differ",
                                report->ok() ? "" : "run footfall audit"});
        return findings;
    }

    Result<std::vector<enrich::ListInfo>> lists() override { return installed_lists(settings_); }

private:
    Status open_services() {
        if (services_) return {};
        catalog_.reset();
        lock_.reset();                     // Services take it themselves
        settings_.logging_level = "warn";  // of the store's process; this one's follows
        logging::configure(logging::Level::kWarn, logging::Format::kText, "command");
        TRY(services_, Services::open(settings_, {}));
        return {};
    }

    Settings settings_;
    std::unique_ptr<catalog::Catalog> catalog_;
    std::optional<LockFile> lock_;
    std::unique_ptr<Services> services_;
};

/// Where there is no installation: what looks finds nothing, and makes nothing by looking.
class NoInstallation final : public Installation {
public:
    NoInstallation(Settings settings, std::string data_dir, std::unique_ptr<catalog::Catalog> empty)
        : settings_(std::move(settings)), data_dir_(std::move(data_dir)), empty_(std::move(empty)) {}

    catalog::Catalog& catalog() override { return *empty_; }
    std::string address() const override { return settings_.http_listen; }
    Result<process::AuditReport> audit(const std::string&) override { return no_installation(data_dir_); }
    Result<process::RejectedList> rejected(const process::RejectedFilter&, const process::RejectedPage&) override {
        return no_installation(data_dir_);
    }
    Result<ingest::ReplayReport> replay_rejected(const process::RejectedFilter&, ingest::ReplayMode) override {
        return no_installation(data_dir_);
    }
    Result<process::RescoreReport> preview_rescore(const process::RescoreFilter&) override {
        return no_installation(data_dir_);
    }
    Result<Erasing*> erasing() override { return no_installation(data_dir_); }
    Result<Rescoring*> rescoring() override { return no_installation(data_dir_); }
    Result<Rebuilding*> rebuilding() override { return no_installation(data_dir_); }
    std::vector<Finding> doctor() override {
        std::vector<Finding> findings = check_machine(settings_);
        findings.insert(findings.begin(), {"installation", true, no_installation(data_dir_).message, ""});
        return findings;
    }
    Result<std::vector<enrich::ListInfo>> lists() override { return installed_lists(settings_); }

private:
    const Settings settings_;
    const std::string data_dir_;
    std::unique_ptr<catalog::Catalog> empty_;
};

/// An error where it can't be told, as of a folder that only somebody else may read.
Result<bool> has_installation(const std::string& data_dir) {
    for (const std::string& path : {data_dir + "/catalog.db", data_dir + "/log"}) {
        if (::access(path.c_str(), F_OK) == 0) return true;
        if (errno != ENOENT) return errno_error("look for an installation at " + path, errno);
    }
    return false;
}

Result<CommandResult> look_without_installation(const Settings& settings, const std::string& data_dir,
                                                std::span<const std::string> argv) {
    TRY(auto empty, catalog::Catalog::open(":memory:", system_clock()));
    NoInstallation none(settings, data_dir, std::move(empty));
    CommandResult result = run_command(none, argv, "");
    // Whoever mistyped the folder learns of it, from doctor as its first finding; a program gets its data.
    const bool as_json = std::find(argv.begin(), argv.end(), "--json") != argv.end();
    if (!as_json && argv.front() != "doctor") result.errors = error_line(no_installation(data_dir));
    return result;
}

}  // namespace

Status require_installation(const std::string& data_dir) {
    TRY(const bool is_there, has_installation(data_dir));
    if (!is_there) return no_installation(data_dir);
    return {};
}

std::optional<Result<CommandResult>> print_pages(
    std::span<const std::string> argv,
    const std::function<std::optional<Result<CommandResult>>(std::span<const std::string> argv)>& page_by,
    const std::function<bool(std::string_view)>& print) {
    std::vector<std::string> words(argv.begin(), argv.end());
    for (;;) {
        std::optional<Result<CommandResult>> page = page_by(words);
        if (!page || !*page || (**page).exit_code != 0) return page;
        CommandResult& result = **page;
        // Its first line is where the next page goes on, empty after the last one.
        const std::size_t end = result.output.find('\n');
        const std::string next = result.output.substr(0, end);
        if (!print(std::string_view(result.output).substr(end + 1))) result.exit_code = 1;
        result.output.clear();
        if (next.empty() || result.exit_code != 0) return page;
        words.assign(argv.begin(), argv.end());
        words.insert(words.end(), {std::string(kPageFlag), next});
    }
}

Result<CommandResult> run_pages(const Settings& settings, std::span<const std::string> argv,
                                const std::function<bool(std::string_view)>& print) {
    const std::string data_dir = absolute_path(settings.data_dir);
    if (auto done = print_pages(
            argv, [&](const auto& page) { return run_by_server(data_dir, page, ""); }, print))
        return std::move(*done);
    TRY_STATUS(require_installation(data_dir));
    TRY(auto lock, take_data_dir(data_dir, kLockWaitMs));
    TRY(auto catalog, catalog::Catalog::open(data_dir + "/catalog.db", system_clock()));
    OfflineInstallation installation(settings, std::move(catalog), std::move(lock));
    return *print_pages(
        argv,
        [&](const auto& page) { return std::optional(Result<CommandResult>(run_command(installation, page, ""))); },
        print);
}

Result<CommandResult> run_anywhere(const Settings& settings, std::span<const std::string> argv,
                                   const std::string& input) {
    const std::string data_dir = absolute_path(settings.data_dir);
    if (auto result = run_by_server(data_dir, argv, input)) return *result;
    // A mistyped folder would otherwise be one in which all is well.
    TRY(const bool is_there, has_installation(data_dir));
    if (!is_there && needs_installation(argv)) return no_installation(data_dir);
    if (!is_there && only_looks(argv)) return look_without_installation(settings, data_dir, argv);
    auto lock = take_data_dir(data_dir, kLockWaitMs);
    if (!lock && lock.error().code == Code::kConflict) {
        // A server that has just started may have its socket by now.
        if (auto result = run_by_server(data_dir, argv, input)) return *result;
    }
    if (!lock) return lock.error();
    TRY(auto catalog, catalog::Catalog::open(data_dir + "/catalog.db", system_clock()));
    OfflineInstallation installation(settings, std::move(catalog), std::move(*lock));
    return run_command(installation, argv, input);
}

}  // namespace footfall::app
