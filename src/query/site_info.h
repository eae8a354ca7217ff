#pragma once

#include "catalog/catalog.h"
#include "query/query.h"

namespace footfall::query {

/// A goal of the catalog as a question needs it.
GoalDeclaration declaration_of(const catalog::Goal& goal);
/// What the planner needs of a site.
SiteInfo site_info(const catalog::Snapshot& snapshot, const catalog::Site& site);

}  // namespace footfall::query
