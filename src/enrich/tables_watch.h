#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "enrich/enrich.h"

namespace footfall::enrich {

/// Loads the tables anew where their files are others than before: replaced, changed, new, or in another folder. Not
/// thread-safe; look() reads files and takes up to 0.3 s where there are new ones, so it is for a thread that may wait.
class TablesWatch {
public:
    /// `loaded` is what load() made of these files just before.
    TablesWatch(DataFiles files, BotOptions bots, std::shared_ptr<const Tables> loaded);

    enum class When : std::uint8_t {
        kSettled,  ///< the files are others, and the same ones as at the call before: nobody is writing them
        kNow,      ///< whatever they are
    };
    /// The new tables, from then on the ones in use; nullptr where there is nothing new. An error: what is new can't be
    /// used, or less of it than before, and is not tried again until it changes; the former tables stay in use.
    /// Both are counted in footfall_enrich_reloads_total.
    Result<std::shared_ptr<const Tables>> look(When when);

private:
    /// Of all files: which they are, and of which time and size.
    std::string signature() const;
    Result<std::shared_ptr<const Tables>> load() const;

    const DataFiles files_;
    const BotOptions bots_;
    std::shared_ptr<const Tables> in_use_;
    std::string tried_;  ///< signature of what was loaded last, or could not be
    std::string seen_;   ///< of the call before
};

}  // namespace footfall::enrich
