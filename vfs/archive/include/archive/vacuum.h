// SPDX-License-Identifier: MIT
//
// Keeping an archive in shape: what changes leave behind is taken away, and what its writer has recorded about it
// (facts.h) is recorded anew.
//
// 1. What is in the archive stays as it is, and is the same for readers at every moment: each step is a transaction, and
//    what a process that is killed has left half done is rolled back by the next one that opens the archive.
// 2. An executable is made anew beside itself and takes its own place when all is done (starpack.h).
// 3. Needs room beside the archive: as much as the archive takes, twice.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "archive/packages.h"

namespace starlit {

// The package index of an archive as it was when its change counter was `counter`.
struct PackageIndex {
  std::uint32_t counter = 0;
  std::vector<PackageRecord> packages;
};

struct VacuumOptions {
  // Without a level, what was deflated fast is deflated anew at kLevelDefault; with one, every content at that level, and
  // with 0 none. A content stays as it is when it does not get smaller.
  std::optional<int> level;
  std::optional<PackageIndex> index;  // without one, the recorded index stays when it is valid
  std::string output;                 // leave the archive alone and make this file instead
  std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)> progress;  // may throw to abandon
};

struct Vacuumed {
  std::int64_t before_bytes = 0, after_bytes = 0;  // of the file
  std::int64_t swept_chunks = 0;                   // that no member led to
  std::int64_t deflated = 0;                       // contents, or pieces of them, that got smaller
  bool has_index = false;                          // whether a valid package index is recorded now
};

// Throws Error. Members' contents in rows of more than kRowContentMax stay as they are.
Vacuumed vacuum_archive(const std::string& path, const VacuumOptions& options);

// Records a package index. Throws Error{EAGAIN, "CHANGED"} when the archive has been changed since it was looked at.
void record_packages(const std::string& path, const PackageIndex& index);

}  // namespace starlit
