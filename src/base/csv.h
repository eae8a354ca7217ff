#pragma once

#include <string>
#include <string_view>

namespace footfall::csv {

/// Appends a field of RFC 4180 whose text comes from strangers and is opened in spreadsheets: one that begins as a
/// formula gets the apostrophe that makes it a text there.
void append_text(std::string& out, std::string_view text);
/// The same of a text that is ours, which stays as it is.
void append_own(std::string& out, std::string_view text);

}  // namespace footfall::csv
