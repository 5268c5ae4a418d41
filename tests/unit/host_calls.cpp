// SPDX-License-Identifier: MIT

#include "host_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <string>
#include <utility>

using starlit::HostCall;
using starlit::HostWatch;

namespace {

thread_local HostWatch* watch = nullptr;

// Whether the call is to fail; what a watch does itself is not watched.
bool refused(HostCall call, int fd) {
  if (watch == nullptr) return false;
  HostWatch* mine = std::exchange(watch, nullptr);
  const int error = mine->before(call, fd);
  watch = mine;
  if (error == 0) return false;
  errno = error;
  return true;
}

template <typename Body>
void tell(Body&& body) {
  if (watch == nullptr) return;
  const int error = errno;
  HostWatch* mine = std::exchange(watch, nullptr);
  body(*mine);
  watch = mine;
  errno = error;
}

std::size_t at_most(std::size_t size) { return watch == nullptr ? size : std::min(size, watch->at_most(size)); }

bool is_there(int directory, const char* name) {
  struct stat status;
  return ::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

namespace starlit {

HostWatch::HostWatch() noexcept : outer_(std::exchange(watch, this)) {}
HostWatch::~HostWatch() { watch = outer_; }

const char* name_of(HostCall call) noexcept {
  constexpr const char* kNames[kHostCalls] = {"read",   "write",  "copy", "truncate", "sync", "open",
                                              "remove", "rename", "lock", "mode",     "owner"};
  return kNames[static_cast<int>(call)];
}

}  // namespace starlit

// The names are those that ld --wrap asks for.
#pragma GCC diagnostic ignored "-Wmissing-declarations"
extern "C" {

ssize_t __real_pread(int, void*, size_t, off_t);
ssize_t __real_pread64(int, void*, size_t, off64_t);
ssize_t __real_pwrite(int, const void*, size_t, off_t);
ssize_t __real_pwrite64(int, const void*, size_t, off64_t);
ssize_t __real_write(int, const void*, size_t);
ssize_t __real_copy_file_range(int, off64_t*, int, off64_t*, size_t, unsigned);
int __real_ftruncate(int, off_t);
int __real_ftruncate64(int, off64_t);
int __real_fdatasync(int);
int __real_fsync(int);
int __real_openat(int, const char*, int, ...);
int __real_openat64(int, const char*, int, ...);
int __real_unlinkat(int, const char*, int);
int __real_renameat(int, const char*, int, const char*);
int __real_flock(int, int);
int __real_fcntl(int, int, ...);
int __real_fcntl64(int, int, ...);
int __real_fchmod(int, mode_t);
int __real_fchown(int, uid_t, gid_t);

ssize_t __wrap_pread(int fd, void* buffer, size_t size, off_t offset) {
  return refused(HostCall::kRead, fd) ? -1 : __real_pread(fd, buffer, size, offset);
}

ssize_t __wrap_pread64(int fd, void* buffer, size_t size, off64_t offset) {
  return refused(HostCall::kRead, fd) ? -1 : __real_pread64(fd, buffer, size, offset);
}

ssize_t __wrap_pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  if (refused(HostCall::kWrite, fd)) return -1;
  const ssize_t n = __real_pwrite(fd, bytes, at_most(size), offset);
  if (n > 0) tell([&](HostWatch& w) { w.wrote(fd, {static_cast<const char*>(bytes), static_cast<size_t>(n)}, offset); });
  return n;
}

ssize_t __wrap_pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  return __wrap_pwrite(fd, bytes, size, offset);
}

ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  if (refused(HostCall::kWrite, fd)) return -1;
  const off_t offset = watch == nullptr ? 0 : ::lseek(fd, 0, SEEK_CUR);
  const ssize_t n = __real_write(fd, bytes, at_most(size));
  if (n > 0) tell([&](HostWatch& w) { w.wrote(fd, {static_cast<const char*>(bytes), static_cast<size_t>(n)}, offset); });
  return n;
}

ssize_t __wrap_copy_file_range(int in, off64_t* in_offset, int out, off64_t* out_offset, size_t size, unsigned flags) {
  if (refused(HostCall::kCopy, out)) return -1;
  const off64_t start = out_offset == nullptr ? ::lseek(out, 0, SEEK_CUR) : *out_offset;
  const ssize_t n = __real_copy_file_range(in, in_offset, out, out_offset, at_most(size), flags);
  if (n > 0) {
    tell([&](HostWatch& w) {
      std::string bytes(static_cast<size_t>(n), '\0');
      if (__real_pread(out, bytes.data(), bytes.size(), start) == n) w.wrote(out, bytes, start);
    });
  }
  return n;
}

int __wrap_ftruncate(int fd, off_t size) {
  if (refused(HostCall::kTruncate, fd)) return -1;
  const int result = __real_ftruncate(fd, size);
  if (result == 0) tell([&](HostWatch& w) { w.truncated(fd, size); });
  return result;
}

int __wrap_ftruncate64(int fd, off64_t size) { return __wrap_ftruncate(fd, size); }

static int sync_file(int fd, int (*sync)(int)) {
  if (refused(HostCall::kSync, fd)) return -1;
  const int result = watch != nullptr && watch->skips_sync() ? 0 : sync(fd);
  if (result == 0) tell([&](HostWatch& w) { w.synced(fd); });
  return result;
}

int __wrap_fdatasync(int fd) { return sync_file(fd, __real_fdatasync); }
int __wrap_fsync(int fd) { return sync_file(fd, __real_fsync); }

static int open_name(int directory, const char* name, int flags, mode_t mode) {
  if (refused(HostCall::kOpen, directory)) return -1;
  const bool makes = (flags & O_CREAT) != 0;
  const bool was_there = watch != nullptr && makes && is_there(directory, name);
  const int fd = __real_openat(directory, name, flags, mode);
  const bool is_new = (flags & O_TMPFILE) == O_TMPFILE || (makes && !was_there);
  if (fd >= 0) tell([&](HostWatch& w) { w.opened(directory, name, fd, is_new); });
  return fd;
}

int __wrap_openat(int directory, const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open_name(directory, name, flags, mode);
}

int __wrap_openat64(int directory, const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open_name(directory, name, flags, mode);
}

int __wrap_unlinkat(int directory, const char* name, int flags) {
  if (refused(HostCall::kRemove, directory)) return -1;
  const int result = __real_unlinkat(directory, name, flags);
  if (result == 0) tell([&](HostWatch& w) { w.removed(directory, name); });
  return result;
}

int __wrap_renameat(int from_directory, const char* from, int to_directory, const char* to) {
  if (refused(HostCall::kRename, from_directory)) return -1;
  const int result = __real_renameat(from_directory, from, to_directory, to);
  if (result == 0) tell([&](HostWatch& w) { w.renamed(from_directory, from, to); });
  return result;
}

int __wrap_flock(int fd, int operation) {
  return refused(HostCall::kLock, fd) ? -1 : __real_flock(fd, operation);
}

static bool is_lock(int command) {
  return command == F_OFD_SETLK || command == F_OFD_GETLK || command == F_SETLK || command == F_GETLK;
}

int __wrap_fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (is_lock(command) && refused(HostCall::kLock, fd)) return -1;
  return __real_fcntl(fd, command, argument);
}

int __wrap_fcntl64(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (is_lock(command) && refused(HostCall::kLock, fd)) return -1;
  return __real_fcntl64(fd, command, argument);
}

int __wrap_fchmod(int fd, mode_t mode) { return refused(HostCall::kMode, fd) ? -1 : __real_fchmod(fd, mode); }

int __wrap_fchown(int fd, uid_t owner, gid_t group) {
  return refused(HostCall::kOwner, fd) ? -1 : __real_fchown(fd, owner, group);
}

}  // extern "C"
