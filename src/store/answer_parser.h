#pragma once

#include <string>

#include "base/result.h"
#include "store/client.h"

namespace footfall::store {

/// Reads an answer in the format JSONCompactEachRowWithNamesAndTypes: a line of names, a line of types, a line a row.
/// Numbers of more than 64 bits keep their digits as text. `text` is given room for the parser's padding. kInternal for
/// what is not in that format.
Result<Answer> parse_answer(std::string& text);

}  // namespace footfall::store
