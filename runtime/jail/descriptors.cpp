// SPDX-License-Identifier: MIT

#include "jail/descriptors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace starlit::jail {
namespace {

constexpr const char* kNames[] = {"standard input", "standard output", "standard error"};

// "" where it is harmless.
std::string fault_of(int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return "";
  if (S_ISDIR(status.st_mode)) return "a directory, from which the jail could be left";
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_PATH) != 0) return "a path (O_PATH)";
  return "";
}

}  // namespace

void open_standard_descriptors() {
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) {
      Fd null = open_file("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
      // The lowest that is free: this one.
      if (null.get() != fd) throw Error(EBADF, "DESCRIPTOR", std::string("couldn't open the ") + kNames[fd]);
      if (::fcntl(null.release(), F_SETFD, 0) != 0) throw posix_error("couldn't keep", kNames[fd]);
    }
  }
}

void check_standard_descriptors() {
  open_standard_descriptors();
  for (int fd = 0; fd < 3; ++fd) {
    if (const std::string fault = fault_of(fd); !fault.empty()) {
      throw Error(EISDIR, "DESCRIPTOR", std::string("the ") + kNames[fd] + " is " + fault);
    }
  }
}

void close_others(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned from = 3;
  const auto close = [](unsigned first, unsigned last) {
    if (first <= last && ::syscall(SYS_close_range, first, last, 0) != 0) {
      throw posix_error("couldn't close", "what was left open");
    }
  };
  for (const int fd : kept) {
    if (fd < 3) continue;
    const auto number = static_cast<unsigned>(fd);
    if (number > from) close(from, number - 1);
    from = number + 1;
  }
  close(from, ~0u);
}

void refuse_directories(const std::vector<int>& allowed) {
  // Not up to the limit of this process, which may have been lowered since they were opened: fs.nr_open, proc(5).
  constexpr int kMost = 1 << 20;
  for (int fd = 3; fd < kMost; ++fd) {
    if (std::find(allowed.begin(), allowed.end(), fd) != allowed.end()) continue;
    if (const std::string fault = fault_of(fd); !fault.empty()) {
      throw Error(EISDIR, "DESCRIPTOR", "descriptor " + std::to_string(fd) + " is " + fault);
    }
  }
}

}  // namespace starlit::jail
