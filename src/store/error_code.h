#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::store {

/// The error that an answer of a ClickHouse server stands for: by ClickHouse's own code, which comes in the header
/// X-ClickHouse-Exception-Code or, where that is empty, in the text "Code: 241. DB::Exception: …". The message is the
/// server's text without code and version, or advice where there is something to do.
Error error_of_answer(int http_status, std::string_view exception_code, std::string_view body);

/// The HTTP status with which a ClickHouse server answers an error of that code.
int http_status_of_exception(int code);

/// "Code: 60. DB::Exception: …" → 60; 0 where the text has no code.
int exception_code_of(std::string_view text);

}  // namespace footfall::store
