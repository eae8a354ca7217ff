#pragma once

#include <string_view>

#include "enrich/source_list.h"

namespace footfall::enrich {

/// What the channel rules look at. Texts in lower case.
struct Acquisition {
    std::string_view source;  ///< empty: direct
    SourceKind kind = SourceKind::kNone;
    std::string_view medium;
    std::string_view campaign;
};

/// The default channel group, by the rules that Google Analytics 4 publishes, in their order (the table in channel.cc),
/// with one of our own, "AI": an AI assistant, unless it was paid for. "Unassigned" where none applies. The result is a
/// constant.
std::string_view channel_of(const Acquisition& from);

}  // namespace footfall::enrich
