// SPDX-License-Identifier: MIT
//
// Files of the host: opening, exact reads and writes, and an output that appears whole or not at all.
// Every function throws Error with the file's name in it; interrupted calls (EINTR) are repeated.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/handle.h"

namespace starlit {

// The process's umask. It can only be read by setting it, so no other thread may create files meanwhile.
mode_t current_umask();

// Opens with O_CLOEXEC added. Throws Error `couldn't open "path": ...`.
Fd open_file(const std::string& path, int flags, mode_t mode = 0);

// Opens a regular file for reading; a directory, device or socket is an Error that says so. A FIFO does not block.
Fd open_regular(const std::string& path);

struct stat stat_fd(const Fd& fd, const std::string& path);

// Which file something is, whatever name or descriptor leads to it: stat(2). Inodes are used again, so it says
// nothing of a file that nobody holds.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const noexcept = default;
};
inline FileId id_of(const struct stat& status) noexcept { return {status.st_dev, status.st_ino}; }

inline bool is_same_file(const struct stat& one, const struct stat& other) noexcept {
  return id_of(one) == id_of(other);
}
// False for what is not open.
bool is_same_file(const Fd& one, const Fd& other) noexcept;

// Reads up to `size_bytes` at `offset`; fewer only at the end of the file. Returns how many.
std::size_t read_at(const Fd& fd, void* buffer, std::size_t size_bytes, std::int64_t offset, const std::string& path);

// The whole content of a regular file.
std::string read_all(const Fd& fd, const std::string& path);

void write_all(const Fd& fd, std::string_view bytes, const std::string& path);

// Maps `size_bytes` from `offset` (a multiple of the page size), read-only and private.
Mapping map_file(const Fd& fd, std::int64_t offset, std::size_t size_bytes, const std::string& path);

// A new file that takes its name only when it is complete.
//
// The bytes go to a temporary file in the same directory; commit() gives it its mode, syncs it, renames it over
// `path` and syncs the directory. Without commit the destructor removes it. Refuses a `path` that is there and not a
// regular file; a link is replaced, not followed.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  // Takes over a temporary file that somebody else has written, a regular file in the same directory.
  OutputFile(std::string path, std::string temporary);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  const Fd& fd() const noexcept { return fd_; }
  const std::string& path() const noexcept { return path_; }
  const std::string& temporary_path() const noexcept { return temporary_; }

  // `permissions` are taken as given, less the umask.
  void commit(mode_t permissions);

 private:
  std::string path_;
  std::string temporary_;
  Fd fd_;
};

}  // namespace starlit
