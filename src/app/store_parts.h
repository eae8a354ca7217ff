#pragma once

#include <string>
#include <vector>

#include "app/commands.h"
#include "store/client.h"

namespace footfall::app {

/// What doctor says of parts of the store that were found damaged and taken out; nothing where there are none, or where
/// the store does not answer, which it says by itself. At most some seconds.
void check_store_parts(store::Client& store, std::vector<Finding>& findings);

/// What doctor says of stores that would not open and were moved aside in the data folder: they take room until
/// somebody has looked at them. Nothing where there are none. Reads the folder's names and those stores' sizes.
void check_stores_aside(const std::string& data_dir, std::vector<Finding>& findings);

}  // namespace footfall::app
