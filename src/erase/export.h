#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "erase/subject.h"
#include "log/log.h"
#include "store/client.h"

namespace footfall::erase {

/// What an installation keeps of a visitor or of a site, to be looked at, taken along, or sent to another installation.
struct ExportRequest {
    enum class Format : std::uint8_t {
        /// A line each. An event is one of the contract's, ready to be sent, and "record" is all that is stored of it;
        /// a
        /// rejected event is {"rejected":{…}}, a session, of a visitor alone, {"session":{…}}.
        kJsonLines,
        kCsv,  ///< events alone, a column for each field of the record
    };
    Subject subject;
    Format format = Format::kJsonLines;
    std::int64_t since_ms = std::numeric_limits<std::int64_t>::min();  ///< of an event's time
    std::int64_t until_ms = std::numeric_limits<std::int64_t>::max();  ///< behind it
    std::size_t page_bytes = 4u << 20;                                 ///< a page ends at the entries that reach this
};

struct ExportPage {
    std::string text;                 ///< whole lines, some MiB
    std::optional<std::string> next;  ///< where the next page goes on, one line; nothing after the last one
    std::string note{};               ///< what the export does not have; empty: nothing
};

/// A page; `from` is empty for the first one, and the `next` of the one before otherwise. The first page fixes what the
/// export holds, which is what the log holds then, and finds out who a visitor is besides what was asked for, which
/// takes a reading of the log or two; `next` carries both on, so that the pages together read it once more. Sessions
/// are those of the store, which must have loaded that. kInvalidArgument where `from` is no `next` of such a request.
Result<ExportPage> export_page(const log::EventLog& log, store::Client& store, const ExportRequest& request,
                               std::string_view from);
/// The same of several logs, one after the other, always in the same order: of each the export has what it holds when
/// it comes to it.
Result<ExportPage> export_page(std::span<const log::EventLog* const> logs, store::Client& store,
                               const ExportRequest& request, std::string_view from);

}  // namespace footfall::erase
