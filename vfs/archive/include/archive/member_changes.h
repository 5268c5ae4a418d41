// SPDX-License-Identifier: MIT
//
// Adding members to an archive that is there, and deleting some: each call is one transaction, all or nothing.
//
// In an executable some members are the runtime's: without them nothing in it runs. One that is replaced is the
// application's from then on.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "archive/writer.h"

namespace starlit {

struct Added {
  std::int64_t made = 0, replaced = 0;  // members
  std::int64_t deleted = 0;
  std::int64_t content_bytes = 0;
  std::int64_t file_bytes = 0;          // of the archive's file afterwards
};

// Called with the bytes of contents; may throw to abandon.
using ChangeProgress = std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)>;

struct DeleteOptions {
  bool recursive = false;        // directories, with all below
  bool runtime_members = false;  // also what belongs to the runtime
  std::int64_t now_s = 0;        // the time that directories get in which something is deleted
};

// Deletes members by their names; one that lies below another is deleted with it. Returns how many there were, with all
// below. Throws Error{ENOENT, "NOMEMBER"}, Error{EISDIR, "DIRECTORY"}, Error{EPERM, "RUNTIME"}.
std::int64_t delete_members(const std::string& path, std::vector<std::string> names, const DeleteOptions& options);

// First deletes, if anything, then makes or replaces members. A file or a link replaces either; a directory that is there
// gets permissions and time. Directories that are missing above are made. Throws Error: EISDIR and ENOTDIR where a
// directory would become something else or something else a directory; Error{EINVAL, "INSIDE"} for the archive's own
// file; Error{ENOENT, "NOMEMBER"} where attributes of what is not there would be set.
struct Deletion {
  std::vector<std::string> names;
  DeleteOptions options;
};
Added add_members(const std::string& path, std::vector<NewMember> members, const ChangeProgress& progress,
                  const Deletion& deletion = {});

}  // namespace starlit
