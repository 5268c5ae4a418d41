// SPDX-License-Identifier: MIT
//
// The mount table: which archive appears as a directory at which path.
//
// 1. There is one table in the process; every thread and interpreter sees it.
// 2. A mount point is an absolute, normalised path. It need not exist in the host's file system; when it does, as with a
//    kit mounted at its own path, the archive hides it.
// 3. Mounts may nest: the longest mount point that holds a path has it. That may be one of a script's
//    (handler_mounts.h), which hides what it lies over.
// 4. A mount with open channels, or within a transaction, cannot be unmounted.
// 5. A thread that ends calls leave(): Tcl's exit handler for threads sees to it.

#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "archive/session.h"

namespace starlit {

class Mount {
 public:
  Mount(std::string mount_point, std::shared_ptr<Archive> archive, std::int64_t root_mtime, std::uint64_t device_number,
        const char* driver_name);

  const std::string point;         // the directory it appears as
  const std::string archive_path;
  const bool is_writable;
  const std::int64_t root_mtime_s; // of the archive's file: what stat says of the mount point
  const std::uint64_t device;      // st_dev: differs between mounts
  const char* const driver;        // whose Mount makes such mounts: sqlar, mk4, zip
  mutable std::atomic<int> channels = 0;  // open on it
  mutable std::atomic<int> transactions = 0;  // of scripts

  // The calling thread's view of the archive: in a writable one a connection of its own, made when it is first asked
  // for. Throws Error where that cannot be opened, or when the mount has gone.
  std::shared_ptr<Session> session() const;

  // Ends what the calling thread has of it.
  void leave() const;

  // Ends it for all threads: what they still hold comes to nothing.
  void close() const;

  // The access times that were set here; an archive has no place for them, so they last as long as the mount.
  void set_atime(std::string_view name, std::int64_t atime_s) const;
  std::optional<std::int64_t> atime(std::string_view name) const;
  // With those of what lies below.
  void forget_atimes(std::string_view name) const;
  void move_atimes(std::string_view from, std::string_view to) const;

 private:
  using Atimes = std::map<std::string, std::int64_t, std::less<>>;
  std::vector<Atimes::node_type> take_atimes(std::string_view name) const;

  mutable std::mutex mutex_;
  mutable bool is_closed_ = false;
  mutable std::shared_ptr<Archive> first_;  // until a thread takes it
  mutable std::shared_ptr<Session> shared_;
  mutable std::map<std::thread::id, std::shared_ptr<Session>> sessions_;
  mutable Atimes atimes_;
};

// A path in a mount: the mount and the member's name ("" for the mount point).
struct Place {
  std::shared_ptr<const Mount> mount;
  std::string name;
};

class MountTable {
 public:
  // Throws Error{EBUSY} when something is mounted there already.
  void add(const std::string& point, std::shared_ptr<Archive> archive, std::int64_t root_mtime_s, const char* driver);

  // Throws Error{EINVAL} when nothing is mounted there, Error{EBUSY} while it has open channels.
  void remove(const std::string& point);

  // Another archive in place of the one that is mounted there, in one step. Throws as remove() does.
  void replace(const std::string& point, std::shared_ptr<Archive> archive, std::int64_t root_mtime_s);

  // The mount that holds an absolute, normalised path, as the calling thread sees it.
  std::optional<Place> find(std::string_view path) const;

  // Ends what the calling thread has of all mounts.
  void leave() const;

  // All mounts in the order of their mount points.
  std::vector<std::shared_ptr<const Mount>> all() const;

 private:
  std::shared_ptr<Mount>& idle(const std::string& point);

  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<Mount>, std::less<>> mounts_;
  std::uint64_t next_device_ = 1;
};

}  // namespace starlit
