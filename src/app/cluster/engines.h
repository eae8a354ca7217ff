#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/settings.h"
#include "base/result.h"
#include "log/kafka/handle.h"
#include "log/kafka/topics.h"
#include "store/client.h"
#include "store/redis/client.h"

/// The engines that the settings name, as the roles of the cluster form reach them.
namespace footfall::app::cluster {

/// What `kafka.properties` has. kIo, and kInvalidArgument with the line that is no `name=value`.
Result<log::kafka::Settings> kafka_settings(const Settings& settings);
/// A topic or group by its name in topics.h.
std::string prefixed(const Settings& settings, std::string_view name);
Result<log::kafka::TopicsOptions> topics_options(const Settings& settings);

/// ClickHouse by `store.url`. kInvalidArgument where it is not set.
Result<std::unique_ptr<store::Client>> open_store(const Settings& settings);

Result<store::redis::Endpoint> redis_endpoint(const Settings& settings);

}  // namespace footfall::app::cluster
