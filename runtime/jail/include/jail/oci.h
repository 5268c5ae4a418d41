// SPDX-License-Identifier: MIT
//
// The filter for container runtimes: what filter.h builds, as the member `linux.seccomp` of an OCI config.json
// (https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#seccomp), from the same table.
//
// It says the same but for this:
//
// 1. Calls that the table does not know fail with EACCES, not ENOSYS, where the runtime does not see to that itself, as
//    runc does: there is no number in JSON.
// 2. "Own process" is process 1, which the container's first is in its own namespace.
// 3. Which foreign architectures are killed is libseccomp's matter: all but the one that is named.

#pragma once

#include <string>

#include "jail/promises.h"

namespace starlit::jail {

// A JSON object, on one line.
std::string oci_filter(Promises promises);

}  // namespace starlit::jail
