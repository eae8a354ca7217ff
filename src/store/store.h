#pragma once

/// The event store: client.h asks and inserts, over HTTP, whether the store is the embedded child or a ClickHouse
/// server; native.h builds the blocks of an insert; migrations.h brings the tables to this release; embedded/ is the
/// child process and its supervisor. object_store.h is the seam behind which the archive lies; local/ has it in a
/// folder.
#include "store/client.h"
#include "store/migrations.h"
#include "store/native.h"
#include "store/object_store.h"
