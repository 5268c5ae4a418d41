// SPDX-License-Identifier: MIT
//
// Unpacking an archive into a new directory of the host.
//
// 1. Nothing is written outside the directory: names are checked, and symbolic links are made after everything else, so
//    that no path leads through one.
// 2. All or nothing: when something fails, what was made is removed again.
// 3. Permissions (without set-user-id, set-group-id and sticky bits), modification times and links are kept.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "archive/archive.h"

namespace starlit {

struct ExtractOptions {
  bool runtime_members = false;  // of an executable: the runtime's members too
  std::optional<std::set<std::string, std::less<>>> names;  // these members alone; of a directory not what is in it
  std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)> progress;  // may throw to abandon
};

// Returns the number of members written. `directory` must not exist. Throws Error{ENOENT, "NOMEMBER"} for a name in
// `names` that no member has.
std::int64_t extract_archive(Archive& archive, const std::string& directory, const ExtractOptions& options);

}  // namespace starlit
