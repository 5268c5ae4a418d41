// SPDX-License-Identifier: MIT
//
// The mount table: which archive appears as a directory at which path.
//
// 1. There is one table in the process; every thread and interpreter sees it.
// 2. A mount point is an absolute, normalised path. It need not exist in the host's file system; when it does, as with a
//    kit mounted at its own path, the archive hides it.
// 3. Mounts may nest: the longest mount point that holds a path has it.
// 4. A mount with open channels cannot be unmounted.

#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "archive/archive.h"

namespace starlit {

struct Mount {
  std::string point;                  // the directory it appears as
  std::shared_ptr<Archive> archive;
  std::int64_t root_mtime_s = 0;      // of the archive's file: what stat says of the mount point
  std::uint64_t device = 0;           // st_dev: differs between mounts
  mutable std::atomic<int> channels = 0;  // open on it
};

// A path in a mount: the mount and the member's name ("" for the mount point).
struct Place {
  std::shared_ptr<const Mount> mount;
  std::string name;
};

class MountTable {
 public:
  // Throws Error{EBUSY} when something is mounted there already.
  void add(const std::string& point, std::shared_ptr<Archive> archive, std::int64_t root_mtime_s);

  // Throws Error{EINVAL} when nothing is mounted there, Error{EBUSY} while it has open channels.
  void remove(const std::string& point);

  // The mount that holds an absolute, normalised path.
  std::optional<Place> find(std::string_view path) const;

  // All mounts in the order of their mount points.
  std::vector<std::shared_ptr<const Mount>> all() const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<Mount>, std::less<>> mounts_;
  std::uint64_t next_device_ = 1;
};

}  // namespace starlit
