#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace footfall::catalog {

/// argon2id, 19 MiB, t=2, p=1, in its own encoding. Takes tens of milliseconds; at most two run at once in this
/// process, others wait, so that sign-ins cost at most 38 MiB.
Result<std::string> hash_password(std::string_view password);

/// Whether the password is the one that was hashed. nullptr: nobody's, which is never right and takes as long, so that
/// an answer does not tell which users there are.
Result<bool> password_matches(const std::string* encoded, std::string_view password);

}  // namespace footfall::catalog
