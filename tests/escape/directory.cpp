// SPDX-License-Identifier: MIT
//
// Getting out by a directory: the working directory, descriptors that were left open, chroot(2) once more, devices.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstring>

#include "attempt.h"

namespace escape {
namespace {

std::string up(int levels) {
  std::string path;
  for (int i = 0; i < levels; ++i) path += "../";
  return path;
}

Outcome cwd_left(const Facts&) { return content_of("open(\"canary\")", open("canary", O_RDONLY)); }

Outcome cwd_dotdot(const Facts& facts) {
  const std::string path = up(20) + facts.canary_below_root();
  return content_of("open(\"../..\")", open(path.c_str(), O_RDONLY));
}

Outcome absolute_path(const Facts& facts) { return content_of("open", open(facts.text("canary").c_str(), O_RDONLY)); }

Outcome inherited_fchdir(const Facts& facts) {
  if (fchdir(kHostRoot) != 0) return failed("fchdir(7)");
  return content_of("fchdir(7), open", open(facts.canary_below_root().c_str(), O_RDONLY));
}

Outcome inherited_openat(const Facts& facts) {
  return content_of("openat(7)", openat(kHostRoot, facts.canary_below_root().c_str(), O_RDONLY));
}

Outcome inherited_dotdot(const Facts& facts) {
  const std::string path = up(20) + facts.canary_below_root();
  return content_of("openat(6, \"../..\")", openat(kOutsideDirectory, path.c_str(), O_RDONLY));
}

Outcome inherited_file(const Facts&) { return content_of("read(9)", kCanaryFile); }

Outcome any_inherited(const Facts&) {
  for (int fd = 3; fd < 1024; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) return escaped("descriptor " + std::to_string(fd) + " is open");
  }
  return failed("fcntl(3...1023, F_GETFD)");
}

Outcome stdin_directory(const Facts& facts) { return use_directory("stdin", 0, facts); }
Outcome stderr_directory(const Facts& facts) { return use_directory("stderr", 2, facts); }

// The classic: with the root moved below it, the working directory is outside of the root, and ".." has no end.
Outcome climb(const Facts& facts, std::string_view how, int old_root) {
  if (fchdir(old_root) != 0) return failed(std::string(how) + ", fchdir");
  for (int i = 0; i < 40; ++i) {
    if (chdir("..") != 0) return failed(std::string(how) + ", chdir(\"..\")");
  }
  return content_of(how, open(facts.canary_below_root().c_str(), O_RDONLY));
}

Outcome second_chroot(const Facts& facts) {
  const int old_root = open("/", O_RDONLY | O_DIRECTORY);
  if (old_root < 0) return failed("open(\"/\")");
  const std::string lower = facts.path("/w/lower");
  mkdir(lower.c_str(), 0700);
  const int result = chroot(lower.c_str());
  const int error = errno;
  rmdir(lower.c_str());
  if (result != 0) {
    // Any directory does where none can be made.
    if (chroot(facts.path("/w").c_str()) != 0) return failed("chroot", error);
  }
  return climb(facts, "chroot, fchdir", old_root);
}

Outcome second_chroot_dot(const Facts& facts) {
  if (fchdir(kHostRoot) != 0) return failed("fchdir(7)");
  if (chroot(".") != 0) return failed("chroot(\".\")");
  return content_of("chroot(\".\"), open", open(facts.text("canary").c_str(), O_RDONLY));
}

Outcome make_node(const Facts& facts, std::string_view what, mode_t type, dev_t device, bool must_open) {
  const std::string path = facts.path("/w/node");
  if (mknod(path.c_str(), type | 0666, device) != 0) return failed("mknod of " + std::string(what));
  const int fd = open(path.c_str(), O_RDWR);
  const int error = errno;
  unlink(path.c_str());
  if (fd >= 0) return escaped("made and opened " + std::string(what));
  if (must_open) return failed("made " + std::string(what) + ", open", error);
  return escaped("made " + std::string(what) + "; open: " + strerrorname_np(error));
}

Outcome mknod_null(const Facts& facts) { return make_node(facts, "/dev/null", S_IFCHR, makedev(1, 3), true); }
Outcome mknod_memory(const Facts& facts) { return make_node(facts, "/dev/mem", S_IFCHR, makedev(1, 1), false); }

Outcome mknod_disk(const Facts& facts) {
  const auto device = static_cast<dev_t>(facts.number("device"));
  return make_node(facts, "the disk of the canary", S_IFBLK, device, false);
}

Outcome stat_inherited(const Facts&) {
  struct stat status;
  return outcome_of("fstat(7)", fstat(kHostRoot, &status));
}

constexpr Attempt kAttempts[] = {
    {"absolute-path", "20", "both", "evidence=token", "opens a file of the host by its path", absolute_path},
    {"cwd-left", "1", "both", "evidence=token cwd", "reads beside the directory that it was started in", cwd_left},
    {"cwd-dotdot", "1", "both", "evidence=token cwd", "climbs from the directory it was started in", cwd_dotdot},
    {"root-link", "33", "both", "evidence=token refusable root=link",
     "is locked into a symbolic link to the host's root", absolute_path},
    {"root-dotdot", "33", "both", "evidence=token refusable root=dotdot",
     "is locked into a path that leaves by a symbolic link and \"..\"", absolute_path},
    {"root-swapped", "33", "both", "evidence=token refusable root=swapped",
     "is locked into a path that turns into a link to the host's root and back all the time", absolute_path},
    {"inherited-fchdir", "2", "both", "evidence=token", "goes to an open directory of the host", inherited_fchdir},
    {"inherited-openat", "2", "both", "evidence=token", "opens below an open directory of the host",
     inherited_openat},
    {"inherited-dotdot", "2", "both", "evidence=token", "opens above an open directory of the host",
     inherited_dotdot},
    {"inherited-file", "2", "both", "evidence=token", "reads an open file of the host", inherited_file},
    {"inherited-any", "2", "both", "", "finds any open descriptor above 2", any_inherited},
    {"inherited-stat", "2", "both", "", "looks at an open directory of the host", stat_inherited},
    {"stdin-directory", "2b", "both", "evidence=token refusable stdin=directory", "its stdin is the host's root",
     stdin_directory},
    {"stderr-directory", "2b", "both", "evidence=token refusable stderr=directory", "its stderr is the host's root",
     stderr_directory},
    {"second-chroot", "3", "root", "evidence=token", "moves the root below itself and climbs out", second_chroot},
    {"second-chroot-dot", "3", "root", "evidence=token",
     "goes to an open directory of the host and makes it the root", second_chroot_dot},
    {"mknod-null", "4", "root", "", "makes a device and uses it", mknod_null},
    {"mknod-memory", "4", "root", "", "makes the device of the memory", mknod_memory},
    {"mknod-disk", "4", "root", "", "makes the device of the disk", mknod_disk},
};

}  // namespace

std::span<const Attempt> directory_attempts() { return kAttempts; }

}  // namespace escape
