#pragma once

#include <string>
#include <string_view>

#include "event/event.h"

namespace footfall::enrich {

/// At most `max` bytes of valid UTF-8, cut before a character rather than within it.
std::string_view cut_text(std::string_view text, std::size_t max);
/// Without blanks at both ends.
std::string_view trim(std::string_view text);
/// What may go into a record: control characters are left out, and if the text is not UTF-8, all that is not ASCII. The
/// same view where nothing changes; otherwise in the arena.
std::string_view printable(std::string_view text, event::Arena& arena);
std::string printable(std::string_view text);
/// application/x-www-form-urlencoded: '+' is a blank, %XX a byte; a broken escape stands for itself. Made printable,
/// trimmed and cut.
std::string_view decode_form(std::string_view text, std::size_t max, event::Arena& arena);

/// ASCII case only.
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string lower(std::string_view text);

}  // namespace footfall::enrich
