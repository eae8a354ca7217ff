#include "app/offline.h"

#include <optional>

#include "app/control.h"
#include "app/services.h"
#include "base/file.h"
#include "base/logging.h"

namespace footfall::app {
namespace {

/// An installation without a server. The catalog is opened for every command; the log and the store only for those that
/// look at them.
class OfflineInstallation final : public Installation {
public:
    OfflineInstallation(Settings settings, std::unique_ptr<catalog::Catalog> catalog, LockFile lock, bool is_new)
        : settings_(std::move(settings)), is_new_(is_new), catalog_(std::move(catalog)), lock_(std::move(lock)) {}

    catalog::Catalog& catalog() override { return services_ ? services_->catalog() : *catalog_; }

    std::string address() const override { return settings_.http_listen; }

    Result<process::AuditReport> audit(const std::string& site_id) override {
        // A wrong word is judged before anything is started for it.
        if (!site_id.empty() && catalog().snapshot()->site(site_id) == nullptr)
            return Error(Code::kNotFound, "there is no site '" + site_id + "'; see 'footfall site list'", "--site");
        TRY_STATUS(open_services());
        return services_->audit(site_id);
    }

    std::vector<Finding> doctor() override {
        if (const Status status = open_services(); !status)
            return {
                {"installation", false, status.error().message, "follow what the message says, then run doctor again"}};
        // The store needs a moment; a question that has to wait for it tells whether it comes.
        const auto report = services_->audit("");
        auto findings = services_->doctor();
        // Whoever mistyped the folder learns of it.
        if (is_new_)
            findings.insert(findings.begin(), {"installation", true,
                                               "there was none in " + settings_.data_dir + ": this one is new", ""});
        if (!report) findings.push_back({"audit", false, report.error().message, "see the other findings"});
        else
            findings.push_back({"audit", report->ok(),
                                report->ok() ? "log and tables are equal" : "log and tables differ",
                                report->ok() ? "" : "run footfall audit"});
        return findings;
    }

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
    const bool is_new_;
    std::unique_ptr<catalog::Catalog> catalog_;
    std::optional<LockFile> lock_;
    std::unique_ptr<Services> services_;
};

}  // namespace

Result<CommandResult> run_anywhere(const Settings& settings, std::span<const std::string> argv,
                                   const std::string& input) {
    const std::string data_dir = absolute_path(settings.data_dir);
    // A wrong command line needs no installation, and must not make one.
    if (auto judgement = judge_command(argv)) return *judgement;
    if (auto result = run_by_server(data_dir, argv, input)) return *result;
    // A mistyped folder would otherwise be one in which all is well.
    const std::string catalog_path = data_dir + "/catalog.db";
    const bool is_new = !path_exists(catalog_path);
    if (is_new && needs_installation(argv))
        return Error(Code::kNotFound,
                     "there is no installation in " + data_dir + "; check --data, or begin one with 'footfall serve'");
    TRY_STATUS(make_directories(data_dir));
    auto lock = LockFile::acquire(data_dir + "/lock", 5'000);
    if (!lock) {
        // A server that has just started may have its socket by now.
        if (auto result = run_by_server(data_dir, argv, input)) return *result;
        return lock.error();
    }
    TRY(auto catalog, catalog::Catalog::open(catalog_path, system_clock()));
    OfflineInstallation installation(settings, std::move(catalog), std::move(*lock), is_new);
    return run_command(installation, argv, input);
}

}  // namespace footfall::app
