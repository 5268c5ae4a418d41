// SPDX-License-Identifier: MIT
//
// The process outside, which waits for the one that is locked in: it hands on its exit status, ends it when its time
// is over or somebody ends the supervisor, and says how many kinds of action were denied.

#pragma once

#include <functional>

#include "base/handle.h"
#include "jail/options.h"
#include "jail/reporter.h"

namespace starlit::jail {

// Forks. Returns in the child; the parent supervises it and never returns. `has_init`: start_init() will follow. The
// child dies with its parent, by which the result is held open. Throws Error.
Fd start_supervised(const Options& options, const Report* report, bool has_init);

// To be called again, with that result, after the user has changed: the kernel has forgotten it then
// (PR_SET_PDEATHSIG in prctl(2)). Throws Error.
void die_with_supervisor(const Fd& alive);

// For process 1 of a pid namespace that may have others: forks, and returns in the child; the parent hands signals on
// to it, buries what is left by others, and ends with its status. Throws Error.
void start_init();

}  // namespace starlit::jail
