// SPDX-License-Identifier: MIT
//
// The environment of what is locked in: PATH, HOME, LANG and TZ, what --keep-env keeps (and TERM, with --tty), and
// what --setenv sets; of these the later win.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "jail/options.h"

namespace starlit::jail {

using Variables = std::vector<std::pair<std::string, std::string>>;  // names and values

// Those of this process that it keeps.
Variables kept_variables(const Options& options);

// Makes it the environment of this process, and wipes what was there before. Throws Error.
void clean_environment(const Options& options);

}  // namespace starlit::jail
