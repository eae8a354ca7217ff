#pragma once

#include <string>

#include "base/result.h"
#include "query/plan.h"
#include "query/query.h"
#include "query/zone.h"
#include "store/client.h"

namespace footfall::query {

/// Whether the store writes answers of that format: it has well-kept writers of them.
bool is_encoded_by_store(Format format);

/// A statement whose bytes (store::Client::fetch) are the answer's rows in that format, with the columns' names as they
/// were asked for: text as string, integers as int64, numbers as double, decimals as decimal(38, 4), days as date,
/// times as timestamps in milliseconds of the site's zone; all but text may be null. The rows are parameters, and no
/// table is read.
store::Statement compose_encoding(const Plan& plan, const Zone& zone, const store::Answer& answer, Format format,
                                  int timeout_ms);

}  // namespace footfall::query
