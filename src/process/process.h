#pragma once

/// What reads the event log: the loader, which writes the store, the live numbers, and the audit, which compares log
/// and store. A processor is one thread with its own state and a checkpoint; it knows the log and the store and no
/// other stage.
#include "process/audit.h"
#include "process/live/live.h"
#include "process/loader.h"
#include "process/rejected.h"
