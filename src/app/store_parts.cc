#include "app/store_parts.h"

#include <fmt/format.h>

#include "store/migrations.h"

namespace footfall::app {

void check_store_parts(store::Client& store, std::vector<Finding>& findings) {
    const auto damaged = store::damaged_parts(store);
    if (!damaged || damaged->parts == 0) return;
    findings.push_back(
        {"store", false,
         fmt::format(
             "{} parts of tables were damaged when the store started, {} bytes; what they held was loaded again "
             "from the event log, and they lie beside their tables still",
             damaged->parts, damaged->bytes),
         fmt::format("look at the disk and the memory, which may fail; the files are of no use any more: remove those "
                     "in {} and in folders beside it whose name begins with broken-on-start, or leave it to the next "
                     "'footfall erase'",
                     damaged->a_folder)});
}

}  // namespace footfall::app
