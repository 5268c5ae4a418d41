// SPDX-License-Identifier: MIT

#include "archive/locks.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

namespace starlit {
namespace {

struct flock range_of(int type, off_t first, off_t size) noexcept {
  struct flock range {};
  range.l_type = static_cast<short>(type);
  range.l_whence = SEEK_SET;
  range.l_start = first;
  range.l_len = size;
  return range;
}

}  // namespace

int set_lock(int fd, int type, off_t first, off_t size) noexcept {
  struct flock range = range_of(type, first, size);
  int result;
  do {
    result = ::fcntl(fd, F_OFD_SETLK, &range);
  } while (result != 0 && errno == EINTR);
  return result;
}

std::optional<bool> is_reserved(int fd) noexcept {
  struct flock range = range_of(F_WRLCK, kReservedByte, 1);
  if (::fcntl(fd, F_OFD_GETLK, &range) != 0) return std::nullopt;
  return range.l_type != F_UNLCK;
}

}  // namespace starlit
