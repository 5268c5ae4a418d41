// SPDX-License-Identifier: MIT
//
// Changing files without a promise to: each of the calls that make, change or remove one, in the writable directory
// /w of the prepared root, where the file "victim" lies. And learning of the host's files without opening one.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>

#include "attempt.h"

namespace escape {
namespace {

// The outcome of making something at `path`, which is then removed.
Outcome made(std::string_view call, const std::string& path, long result) {
  const int error = errno;
  if (unlink(path.c_str()) != 0) rmdir(path.c_str());
  errno = error;
  return outcome_of(call, result);
}

std::string target(const Facts& facts) { return facts.path("/w/victim"); }
std::string fresh(const Facts& facts) { return facts.path("/w/made"); }

Outcome create_openat(const Facts& facts) {
  const std::string path = fresh(facts);
  return made("openat(O_CREAT)", path, openat(AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT, 0600));
}

Outcome create_openat2(const Facts& facts) {
  const std::string path = fresh(facts);
  open_how how{.flags = O_WRONLY | O_CREAT, .mode = 0600, .resolve = 0};
  return made("openat2(O_CREAT)", path, syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how));
}

Outcome create_temporary(const Facts& facts) {
  return outcome_of("openat(O_TMPFILE)", open(facts.path("/w").c_str(), O_RDWR | O_TMPFILE, 0600));
}

#if defined(__x86_64__)
Outcome create_open(const Facts& facts) {
  const std::string path = fresh(facts);
  return made("open(O_CREAT)", path, syscall(SYS_open, path.c_str(), O_WRONLY | O_CREAT, 0600));
}

Outcome create_creat(const Facts& facts) {
  const std::string path = fresh(facts);
  return made("creat", path, syscall(SYS_creat, path.c_str(), 0600));
}
#else
Outcome create_open(const Facts&) { return unavailable("open(2) is x86's"); }
Outcome create_creat(const Facts&) { return unavailable("creat(2) is x86's"); }
#endif

Outcome open_write(const Facts& facts) { return outcome_of("open(O_WRONLY)", open(target(facts).c_str(), O_WRONLY)); }

Outcome open_truncate(const Facts& facts) {
  return outcome_of("open(O_RDONLY | O_TRUNC)", open(target(facts).c_str(), O_RDONLY | O_TRUNC));
}

Outcome cut(const Facts& facts) { return outcome_of("truncate", truncate(target(facts).c_str(), 0)); }
Outcome remove_file(const Facts& facts) { return outcome_of("unlink", unlink(target(facts).c_str())); }

Outcome make_directory(const Facts& facts) { return made("mkdir", fresh(facts), mkdir(fresh(facts).c_str(), 0700)); }

Outcome make_fifo(const Facts& facts) { return made("mkfifo", fresh(facts), mkfifo(fresh(facts).c_str(), 0600)); }

Outcome make_file(const Facts& facts) {
  return made("mknod of a file", fresh(facts), mknod(fresh(facts).c_str(), S_IFREG | 0600, 0));
}

Outcome make_symlink(const Facts& facts) { return made("symlink", fresh(facts), symlink("/", fresh(facts).c_str())); }

Outcome make_link(const Facts& facts) {
  return made("link", fresh(facts), link(target(facts).c_str(), fresh(facts).c_str()));
}

Outcome move_file(const Facts& facts) {
  return outcome_of("rename", rename(target(facts).c_str(), fresh(facts).c_str()));
}

Outcome move_file2(const Facts& facts) {
  return outcome_of("renameat2", syscall(SYS_renameat2, AT_FDCWD, target(facts).c_str(), AT_FDCWD,
                                         fresh(facts).c_str(), 1U /* RENAME_NOREPLACE */));
}

Outcome set_bits(const Facts& facts) { return outcome_of("chmod(04755)", chmod(target(facts).c_str(), 04755)); }

// open(2) takes them as they are; chmod(2) is not needed.
Outcome create_with_bits(const Facts& facts) {
  const std::string path = fresh(facts);
  const int fd = openat(AT_FDCWD, path.c_str(), O_RDWR | O_CREAT, 06755);
  if (fd < 0) return failed("openat(O_CREAT, 06755)");
  struct stat status {};
  fstat(fd, &status);
  unlink(path.c_str());
  return (status.st_mode & 06000) != 0 ? escaped("openat(O_CREAT, 06755)") : denied("the bits were left out");
}

Outcome set_mode(const Facts& facts) { return outcome_of("chmod(0666)", chmod(target(facts).c_str(), 0666)); }

Outcome set_owner(const Facts& facts) {
  return outcome_of("chown", chown(target(facts).c_str(), getuid(), getgid()));
}

Outcome set_time(const Facts& facts) {
  return outcome_of("utimensat", utimensat(AT_FDCWD, target(facts).c_str(), nullptr, 0));
}

Outcome set_attribute(const Facts& facts) {
  return outcome_of("setxattr", setxattr(target(facts).c_str(), "user.escape", "x", 1, 0));
}

Outcome watch(const Facts& facts) {
  const long fd = syscall(SYS_inotify_init1, O_CLOEXEC);
  if (fd < 0) return failed("inotify_init1");
  return outcome_of("inotify_add_watch", syscall(SYS_inotify_add_watch, fd, facts.path("/w").c_str(), 0x2));
}

Outcome see_file(const Facts& facts) {
  struct stat status;
  return outcome_of("stat", stat(facts.text("canary").c_str(), &status));
}

Outcome enter_directory(const Facts& facts) {
  const std::string path = facts.text("canary");
  return outcome_of("chdir", chdir(path.substr(0, path.rfind('/')).c_str()));
}

Outcome list_directory(const Facts& facts) {
  const std::string path = facts.text("canary");
  return outcome_of("open of a directory", open(path.substr(0, path.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY));
}

constexpr Attempt kAttempts[] = {
    {"see-file", "20", "both", "", "learns whether a file of the host is there", see_file},
    {"enter-directory", "20", "both", "", "goes to a directory of the host", enter_directory},
    {"list-directory", "20", "both", "", "opens a directory of the host", list_directory},
    {"create-openat", "34", "both", "", "makes a file by openat", create_openat},
    {"create-openat2", "34", "both", "", "makes a file by openat2", create_openat2},
    {"create-open", "34", "both", "", "makes a file by open", create_open},
    {"create-creat", "34", "both", "", "makes a file by creat", create_creat},
    {"create-temporary", "34", "both", "", "makes a file without a name", create_temporary},
    {"create-directory", "34", "both", "", "makes a directory", make_directory},
    {"create-fifo", "34", "both", "", "makes a pipe with a name", make_fifo},
    {"create-mknod", "34", "both", "", "makes a file by mknod", make_file},
    {"create-symlink", "34", "both", "", "makes a symbolic link", make_symlink},
    {"create-link", "34", "both", "", "makes a hard link", make_link},
    {"write-open", "34", "both", "", "opens a file for writing", open_write},
    {"write-truncating", "34", "both", "", "empties a file by opening it for reading", open_truncate},
    {"write-truncate", "34", "both", "", "empties a file by truncate", cut},
    {"remove", "34", "both", "", "removes a file", remove_file},
    {"rename", "34", "both", "", "renames a file", move_file},
    {"renameat2", "34", "both", "", "renames a file by renameat2", move_file2},
    {"set-bits", "34", "both", "", "sets the set-user-ID bit of a file", set_bits},
    {"create-with-bits", "34", "both", "", "makes a file that has the set-user-ID bit", create_with_bits},
    {"set-mode", "34", "both", "", "lets everybody write to a file", set_mode},
    {"set-owner", "34", "both", "", "sets the owner of a file", set_owner},
    {"set-time", "34", "both", "", "sets the time of a file", set_time},
    {"set-attribute", "34", "both", "", "sets an extended attribute of a file", set_attribute},
    {"watch", "34", "both", "", "is told of what others do to files", watch},
};

}  // namespace

std::span<const Attempt> file_attempts() { return kAttempts; }

}  // namespace escape
