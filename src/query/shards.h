#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/composer.h"
#include "query/execution.h"
#include "store/client.h"

namespace footfall::query {

/// One of `count` equal parts of all visitors. Their ids are hashes, and stand in the tables' keys, so that a part
/// reads little of the others.
struct Shard {
    std::uint64_t place = 0;
    std::uint64_t count = 1;

    /// The condition on visitor_id; nothing for all of them.
    void add_to(std::vector<std::string>& where, Composer& composer) const;
};

struct ShardedAnswer {
    store::Answer answer;
    std::uint64_t count = 1;  ///< of parts
};

/// The answer to a statement whose numbers add up over visitors: asked of all of them at once, and where that needs
/// more memory than the store has, of a part after the other, with the parts put together. `keys` are the columns that
/// are no numbers; rows of equal ones become one, but where no column is a number. Then the rows are in no order.
/// kTooLarge where even small parts are. `parts_least`: not in fewer parts, since it is known not to fit.
Result<ShardedAnswer> ask_by_shards(Execution& execution, const std::function<store::Statement(const Shard&)>& compose,
                                    std::span<const std::size_t> keys, std::uint64_t parts_least = 1);

}  // namespace footfall::query
