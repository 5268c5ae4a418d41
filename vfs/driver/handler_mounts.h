// SPDX-License-Identifier: MIT
//
// File systems that Tcl scripts make: which command answers for which paths (`vfs::filesystem mount`).
//
// 1. There is one table in each thread. A mount belongs to the interpreter that made it: its command is run there,
//    only that interpreter can unmount it, and it ends with the interpreter. All interpreters of the thread see it.
// 2. A mount point is an absolute, normalised path, or a volume: a beginning of paths, such as "ftp://", that makes
//    them absolute.
// 3. Mounts nest, among each other and with archives: the longest mount point that holds a path has it. Of several at
//    one point the last has it, and an archive is hidden by what is mounted over it.
// 4. When a volume ends that the working directory is in, Tcl's working directory is that of the process again.
// 5. Until the first mount there is no table, and a look for one is a look at a pointer.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driver/tcl.h"

namespace starlit {

struct HandlerMount {
  std::string point;
  bool is_volume = false;
  Obj command;           // a list: the words in front of those of a call
  Tcl_Interp* interp;    // null once the interpreter has gone
};

// A path in a mount. As Tcl's paths keep it while mounts come and go, it shares the mount.
struct HandlerPlace {
  std::shared_ptr<const HandlerMount> mount;
  std::string relative;  // "" for the mount point
};

class HandlerChannel;

class HandlerMounts {
 public:
  HandlerMounts() = default;
  HandlerMounts(const HandlerMounts&) = delete;
  HandlerMounts& operator=(const HandlerMounts&) = delete;
  ~HandlerMounts();

  // The table of this thread, made when there is none.
  static HandlerMounts& of_thread();

  void add(HandlerMount mount);

  // Ends the last mount of an interpreter at exactly this point; whether there was one.
  bool remove(std::string_view point, const Tcl_Interp* interp);

  // Ends all mounts of an interpreter.
  void forget(const Tcl_Interp* interp);

  std::optional<HandlerPlace> find(std::string_view path) const;
  const HandlerMount* at(std::string_view point) const;

  // The last one first.
  const std::vector<std::shared_ptr<HandlerMount>>& all() const noexcept { return mounts_; }

  int depth = 0;  // of calls of handlers within calls
  int posix = 0;  // what the call that runs has named as its error
  int close_error = 0;                    // of the last channel that could not be closed
  std::vector<HandlerChannel*> channels;  // open

 private:
  std::vector<std::shared_ptr<HandlerMount>> mounts_;
};

// The table of this thread, or null before its first mount and after its end.
inline constinit thread_local HandlerMounts* thread_handler_mounts = nullptr;

// The length of the mount point that has a path, or 0 where no handler has it.
std::size_t find_handler_prefix(std::string_view path) noexcept;
inline std::size_t handler_prefix(std::string_view path) noexcept {
  return thread_handler_mounts == nullptr ? 0 : find_handler_prefix(path);
}

// What is left of `path` below `point`, or nothing when it does not lie there.
std::optional<std::string_view> path_below_point(std::string_view path, std::string_view point);

}  // namespace starlit
