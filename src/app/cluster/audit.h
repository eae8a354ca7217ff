#pragma once

#include <string>
#include <vector>

#include "app/settings.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "process/audit.h"
#include "store/client.h"

namespace footfall::app::cluster {

/// The audit of the cluster form, with nothing but the engines: each partition of `events` against the store, as the
/// embedded form's log (process/audit.h), its loader standing still while sessions are compared; and what collectors
/// took (raw_events) against what became of it. `known` are the ids of all sites.
///
/// Sessions, and raw_events, are compared as long as Kafka has both topics from their first entry; later what they are
/// made of is not in Kafka any more, and rows of before its first entry are taken to be right. What is erased
/// (erasing.h) is so on both sides. kTimeout where roles do not get on with what was there when it began, kUnavailable
/// where something was erased meanwhile.
Result<process::AuditReport> audit(const Settings& settings, const catalog::Catalog& catalog, store::Client& store,
                                   const std::string& site_id, const std::vector<std::string>& known);

}  // namespace footfall::app::cluster
