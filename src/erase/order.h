#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "catalog/erasure.h"
#include "erase/subject.h"
#include "log/disk/disk_log.h"
#include "log/erased_log.h"

/// Erasures of the cluster form as the catalog keeps them (docs/adr/0034): its log can't be rewritten, so that whoever
/// reads it is told what to pass over.
namespace footfall::erase {

/// Whose it is. kCorrupt where that can't be read.
Result<Subject> subject_of(const catalog::Erasure& order);

/// What these leave of a partition, for log::ErasedLog. kCorrupt as above.
Result<log::Erasures> erasures_of(std::span<const catalog::Erasure> orders, std::uint16_t partition);

/// The same of one subject, for an archive that is rewritten; for one thread at a time.
log::Rewriting rewriting_of(const Subject& subject);

/// Another text when an erasure is ordered, or done: what was kept in memory before says nothing any more then.
std::string state_of(std::span<const catalog::Erasure> orders);

}  // namespace footfall::erase
