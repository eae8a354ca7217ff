#include "catalog/database.h"

namespace footfall::catalog {

Status Database::transaction(const std::function<Status()>& statements) const {
    TRY_STATUS(connection_->begin());
    Status status = statements();
    if (status) status = execute("COMMIT");
    // The first error is the one to tell; a failed roll-back ends with the connection.
    if (!status) (void)execute("ROLLBACK").has_value();
    return status;
}

Result<Database> Database::copy_in_memory() const {
    TRY(auto copy, connection_->copy_in_memory());
    return Database(std::move(copy));
}

}  // namespace footfall::catalog
