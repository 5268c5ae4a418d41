// SPDX-License-Identifier: MIT

#include "self_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/handle.h"

namespace starlit::jail {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(EPERM, "SELFTEST", "the jail is not closed: " + what + " still works");
}

// By whatever path.
bool shows(const Options& options, const FileId& file) {
  return std::any_of(options.root.mounts.begin(), options.root.mounts.end(), [&](const Mount& mount) {
    struct stat status;
    return ::stat(mount.source.c_str(), &status) == 0 && id_of(status) == file;
  });
}

}  // namespace

void test_self(const Options& options, Layers layers, const FileId& host) {
  const bool has_root = options.mode != Mode::kLandlock && (layers & kMountLayer) != 0;
  if (has_root) {
    struct stat status;
    for (const char* path : {"/", "/..", "."}) {
      if (::stat(path, &status) == 0 && id_of(status) == host) {
        fail(std::string("looking at the host's ") + path);
      }
    }
  }
  if (options.mode == Mode::kLandlock && (layers & kLandlockLayer) != 0 && !shows(options, host)) {
    if (Fd(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC))) fail("opening the host's root");
  }
  // By number, as an attacker would: the C library may answer by itself.
  if (::syscall(SYS_chroot, "/") == 0) fail("chroot");
  if (::syscall(SYS_unshare, CLONE_NEWUSER) == 0) fail("making a user namespace");
  if (::syscall(SYS_setresuid, -1, 0, -1) == 0 && ::geteuid() == 0) fail("becoming root");
  if ((layers & kSeccompLayer) != 0) {
    const Fd vsock(::socket(AF_VSOCK, SOCK_STREAM, 0));
    if (vsock) fail("a socket to the virtual machine's host");
    if (::syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) == 0) fail("tracing");
    if (::syscall(SYS_io_uring_setup, 1, nullptr) >= 0 || errno == EFAULT) fail("io_uring");
    if ((options.promises & kCpath) == 0 && ::syscall(SYS_mkdirat, AT_FDCWD, "", 0700) != 0 && errno != EACCES) {
      fail("asking for a directory to be made");
    }
  }
  if ((layers & kLimitsLayer) != 0) {
    struct rlimit core {};
    if (::syscall(SYS_prlimit64, 0, RLIMIT_CORE, nullptr, &core) == 0 && core.rlim_max != 0) fail("dumping core");
  }
}

}  // namespace starlit::jail
