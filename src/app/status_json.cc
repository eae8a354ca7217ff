#include "app/status_json.h"

#include "app/version.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"

namespace footfall::app {

std::string status_json(const ServerStatus& status) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.member("version", version_number());
    writer.member("started_at", iso_text(status.started_ms));
    writer.member("now", iso_text(status.now_ms));
    writer.key("ready");
    writer.begin_object();
    writer.member("ok", status.not_ready.empty());
    api::write_not_ready(writer, status.not_ready);
    writer.end_object();
    writer.key("minutes");
    writer.begin_array();
    for (const auto& minute : status.minutes) {
        writer.begin_object();
        writer.member("minute", iso_text(minute.minute * 60'000));
        writer.member("accepted", minute.accepted);
        writer.member("duplicates", minute.duplicates);
        writer.member("rejected", minute.rejected);
        writer.end_object();
    }
    writer.end_array();
    const ingest::Totals totals = ingest::totals();
    writer.key("totals");
    writer.begin_object();
    writer.member("accepted", totals.accepted);
    writer.member("duplicates", totals.duplicates);
    writer.key("rejected");
    writer.begin_object();
    for (const auto& [reason, count] : totals.rejected) writer.member(reason, count);
    writer.end_object();
    writer.end_object();
    writer.key("loader");
    writer.begin_object();
    const bool behind = status.loader.loaded < status.log_end;
    writer.member("lag_seconds", behind && status.loader.as_of_ms > 0
                                     ? static_cast<double>(status.now_ms - status.loader.as_of_ms) / 1000
                                     : 0.0);
    writer.member("stored", status.loader.rows);
    writer.end_object();
    writer.key("store");
    writer.begin_object();
    writer.member("state", status.is_store_ready ? "ready" : "starting");
    writer.member("engine_version", version_text());
    writer.end_object();
    writer.key("log");
    writer.begin_object();
    writer.member("end_offset", status.log_end.offset);
    writer.member("bytes", metrics::counter("footfall_log_bytes_total", "").value());
    writer.end_object();
    writer.key("archive");
    writer.begin_object();
    writer.member("on", status.archive.is_on);
    writer.member("next_offset", status.archive.next);
    writer.member("bytes", status.archive.bytes);
    writer.member("lag_seconds", status.archive.lag_seconds);
    writer.member("problem", status.archive.problem);
    writer.end_object();
    writer.end_object();
    return out;
}

}  // namespace footfall::app
