#pragma once

#include <vector>

#include "app/commands.h"
#include "store/client.h"

namespace footfall::app {

/// What doctor says of parts of the store that were found damaged and taken out; nothing where there are none, or where
/// the store does not answer, which it says by itself. At most some seconds.
void check_store_parts(store::Client& store, std::vector<Finding>& findings);

}  // namespace footfall::app
