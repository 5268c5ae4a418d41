// SPDX-License-Identifier: MIT
//
// The proof, from within: what must not work any more is tried, before the first line of the program runs.

#pragma once

#include <sys/types.h>

#include "jail/options.h"

namespace starlit::jail {

// Throws Error that names what still works. `layers` are those that were applied; the host's root was this one.
void test_self(const Options& options, Layers layers, dev_t root_device, ino_t root_inode);

}  // namespace starlit::jail
