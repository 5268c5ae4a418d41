// SPDX-License-Identifier: MIT
//
// The proof, from within: what must not work any more is tried, before the first line of the program runs.

#pragma once

#include "jail/options.h"

namespace starlit::jail {

// Throws Error that names what still works. `layers` are those that were applied; `host` is the root outside.
void test_self(const Options& options, Layers layers, const FileId& host);

}  // namespace starlit::jail
