// SPDX-License-Identifier: MIT
//
// What this kernel offers a jail, tried rather than read from its version.

#pragma once

#include <string>

namespace starlit::jail {

// One line for each feature: its name, yes or no, what it is for; or a JSON object. Each is tried in a child process,
// so nothing changes for the caller.
std::string kernel_report(bool as_json);

}  // namespace starlit::jail
