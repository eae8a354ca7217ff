#pragma once

/// What reads the event log: the loader, which writes the store, and the audit, which compares the two. A processor is
/// one thread with its own state and a checkpoint; it knows the log and the store and no other stage.
#include "process/audit.h"
#include "process/loader.h"
