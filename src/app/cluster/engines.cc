#include "app/cluster/engines.h"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "http/client_tls.h"

namespace footfall::app::cluster {
namespace {

/// The first line of a file that has a secret; none where no file is named.
Result<std::string> secret_in(const std::string& path) {
    if (path.empty()) return std::string();
    TRY(const std::string text, read_file(path));
    return text.substr(0, text.find_first_of("\r\n"));
}

}  // namespace

Result<log::kafka::Settings> kafka_settings(const Settings& settings) {
    log::kafka::Settings out;
    if (settings.kafka_properties.empty()) return out;
    TRY(const std::string text, read_file(settings.kafka_properties));
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = std::string_view(text).substr(at, end - at);
        at = end + 1;
        ++number;
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        const std::size_t equals = line.find('=');
        // The line itself may have a secret.
        if (equals == std::string_view::npos || equals == 0)
            return Error(Code::kInvalidArgument,
                         fmt::format("{} line {}: expected name=value", settings.kafka_properties, number),
                         "kafka.properties");
        out.emplace_back(line.substr(0, equals), line.substr(equals + 1));
    }
    return out;
}

std::string prefixed(const Settings& settings, std::string_view name) {
    return settings.kafka_prefix + std::string(name);
}

Result<log::kafka::TopicsOptions> topics_options(const Settings& settings) {
    log::kafka::TopicsOptions out;
    out.brokers = settings.kafka_brokers;
    out.prefix = settings.kafka_prefix;
    out.group = prefixed(settings, out.group);
    out.partitions = static_cast<int>(settings.kafka_partitions);
    out.replicas = static_cast<int>(settings.kafka_replicas);
    TRY(out.more, kafka_settings(settings));
    return out;
}

Result<std::unique_ptr<store::Client>> open_store(const Settings& settings) {
    if (settings.store_url.empty())
        return Error(Code::kInvalidArgument, "the cluster form needs store.url, http://HOST:PORT of ClickHouse",
                     "store.url");
    const std::string& database = settings.store_database;
    if (database.empty() || database.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos)
        return Error(Code::kInvalidArgument,
                     fmt::format("store.database must be a name of a-z, 0-9 and _, not '{}'", database),
                     "store.database");
    TRY(std::string password, secret_in(settings.store_password_file));
    // The embedded engine knows no users, and is asked without one.
    const bool is_default = settings.store_user == "default" && password.empty();
    std::shared_ptr<const http::ClientTls> tls;
    if (settings.store_url.starts_with("https://")) {
        TRY(tls, http::ClientTls::open(settings.store_authorities));
    }
    return std::make_unique<store::Client>(
        store::Endpoint{.address = settings.store_url,
                        .user = is_default ? "" : settings.store_user,
                        .password = std::move(password),
                        .database = settings.store_database,
                        .tls = std::move(tls),
                        .compression = store::compression_named(settings.store_compression)});
}

Result<store::redis::Endpoint> redis_endpoint(const Settings& settings) {
    store::redis::Endpoint out;
    const std::string& address = settings.redis_address;
    const std::size_t colon = address.rfind(':');
    const char* const end = address.data() + address.size();
    if (colon == std::string::npos || colon == 0 ||
        std::from_chars(address.data() + colon + 1, end, out.port).ptr != end || out.port < 1 || out.port > 65'535)
        return Error(Code::kInvalidArgument, fmt::format("redis.address must be HOST:PORT, not '{}'", address),
                     "redis.address");
    out.host = address.substr(0, colon);
    out.user = settings.redis_user;
    TRY(out.password, secret_in(settings.redis_password_file));
    return out;
}

}  // namespace footfall::app::cluster
