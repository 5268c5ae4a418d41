// SPDX-License-Identifier: MIT

#include "host_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace starlit {
namespace {

// What another user may have put there is opened without waiting for it and without following it.
constexpr int kCareful = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

// openat(2), repeated when a signal interrupts it.
int open_at(int directory, const char* name, int flags, mode_t mode = 0) noexcept {
  int fd;
  do {
    fd = ::openat(directory, name, flags, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

int sync_file(int fd) noexcept {
  int result;
  do {
    result = ::fsync(fd);
  } while (result != 0 && errno == EINTR);
  return result;
}

namespace {

unsigned random_number() noexcept {
  unsigned number = 0;
  static_cast<void>(::getrandom(&number, sizeof number, 0));
  return number;
}

}  // namespace

HostFile::HostFile(const std::string& path) : path_(path) {
  const std::unique_ptr<char, Calls<std::free>> resolved(::realpath(path.c_str(), nullptr));
  if (!resolved) throw posix_error("couldn't open", path_);
  const std::string real = resolved.get();
  const auto slash = real.rfind('/');
  name_ = real.substr(slash + 1);
  if (name_.empty()) throw posix_error("couldn't open", path_, EISDIR);
  const std::string directory = slash == 0 ? "/" : real.substr(0, slash);
  directory_ = Fd(open_at(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_) {
    // One that may be searched but not listed.
    directory_ = Fd(open_at(AT_FDCWD, directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    can_sync_ = false;
  }
  if (!directory_) throw posix_error("couldn't open", path_);
  struct stat status;
  if (::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    throw posix_error("couldn't open", path_);
  }
  if (S_ISDIR(status.st_mode)) throw posix_error("couldn't open", path_, EISDIR);
  if (!S_ISREG(status.st_mode)) {
    throw Error(EINVAL, "NOTFILE", quoted("couldn't open", path_) + ": not a regular file");
  }
  id_ = id_of(status);
  mode_ = status.st_mode & 0777;
  owner_ = status.st_uid;
  group_ = status.st_gid;
}

HostFile::HostFile(Fd file, std::string path) : path_(std::move(path)), sealed_(std::move(file)), can_sync_(false) {
  const struct stat status = stat_fd(sealed_, path_);
  if (!S_ISREG(status.st_mode)) throw Error(EINVAL, "NOTFILE", quoted("couldn't open", path_) + ": not a regular file");
  id_ = id_of(status);
  mode_ = status.st_mode & 0777;
}

Fd HostFile::open(Access access) const {
  if (sealed_) {
    if (access == Access::kWrite) throw posix_error("couldn't open", path_, EROFS);
    Fd same(::fcntl(sealed_.get(), F_DUPFD_CLOEXEC, 0));
    if (!same) throw posix_error("couldn't open", path_);
    return same;
  }
  Fd fd(open_at(directory_.get(), name_.c_str(), (access == Access::kWrite ? O_RDWR : O_RDONLY) | kCareful));
  if (!fd) throw posix_error("couldn't open", path_);
  if (id_of(stat_fd(fd, path_)) != id_) {
    throw Error(ESTALE, "REPLACED",
                quoted("couldn't open", path_) + ": another file has taken its place (hint: mount it anew)");
  }
  return fd;
}

Fd HostFile::open_current() const {
  Fd fd(open_at(directory_.get(), name_.c_str(), O_RDONLY | kCareful));
  if (!fd) throw posix_error("couldn't open", path_);
  return fd;
}

bool HostFile::stat_current(struct stat& status) const noexcept {
  return ::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

bool HostFile::is_in_place() const noexcept {
  struct stat now;
  return stat_current(now) && id_of(now) == id_;
}

void HostFile::check_directory() const {
  if (::faccessat(directory_.get(), ".", W_OK | X_OK, AT_EACCESS) == 0) return check_journal();
  const Error cause = posix_error("couldn't open", path_);
  throw Error(cause.posix(), "DIRECTORY",
              quoted("couldn't open", path_) + " for writing: its directory must be writable too, for a journal" +
                  cause.text().substr(cause.text().rfind(": ")) + " (hint: mount it with -readonly)");
}

void HostFile::check_journal() const {
  struct stat status;
  if (::fstatat(directory_.get(), (name_ + "-journal").c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  const auto fail = [&](int posix, const std::string& why) {
    throw Error(posix, "JOURNAL",
                quoted("couldn't open", path_) + ": the journal beside it, " + name_ + "-journal, " + why);
  };
  if (!S_ISREG(status.st_mode)) fail(EINVAL, "is not a file (hint: move it away)");
  if (status.st_nlink > 1) fail(EPERM, "is a hard link (hint: remove its other name, or it where it is not the archive's)");
  if (!trusts(status)) fail(EPERM, "belongs to another user (hint: remove it when nobody changes the archive)");
}

// A name of 255 bytes leaves no room for a longer one beside it.
std::string HostFile::Beside::prefix(const HostFile& host) { return "." + host.name_.substr(0, 200) + ".new-"; }

HostFile::Beside::Beside(const HostFile& host) : host_(host) {
  for (int i = 0; i < 100; ++i) {
    char tail[16];
    std::snprintf(tail, sizeof tail, "%08x", random_number());
    name_ = prefix(host) + tail;
    fd_ = Fd(open_at(host.directory_.get(), name_.c_str(), O_CREAT | O_EXCL | O_RDWR | kCareful, 0600));
    if (fd_ || errno != EEXIST) break;
  }
  if (!fd_) throw posix_error("couldn't make a file beside", host.path_);
}

HostFile::Beside::~Beside() {
  if (!name_.empty()) static_cast<void>(::unlinkat(host_.directory_.get(), name_.c_str(), 0));
}

Fd HostFile::Beside::reopen() const {
  Fd fd(open_at(host_.directory_.get(), name_.c_str(), O_RDONLY | kCareful));
  if (!fd) throw posix_error("couldn't open a file beside", host_.path_);
  return fd;
}

Fd HostFile::Beside::take_place(mode_t permissions) {
  const int directory = host_.directory_.get();
  Fd file = reopen();
  // A program that is open for writing cannot be started.
  fd_ = Fd();
  // Set-id bits last of all: what a process that is killed leaves here should not run as somebody else.
  const bool sets_id = (permissions & 07000) != 0;
  if (sets_id && ::fchmod(file.get(), permissions) != 0) throw posix_error("couldn't set the mode of", host_.path_);
  if (::renameat(directory, name_.c_str(), directory, host_.name_.c_str()) != 0) {
    throw posix_error("couldn't write", host_.path_);
  }
  name_.clear();
  if ((sets_id && sync_file(file.get()) != 0) || host_.sync_directory() != 0) {
    throw posix_error("couldn't write", host_.path_);
  }
  return file;
}

void HostFile::remove_leftovers() const noexcept {
  try {
    const std::string prefix = Beside::prefix(*this);
    // As another open file description: the position in a directory belongs to that.
    Fd directory(open_at(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, Calls<::closedir>> entries(directory ? ::fdopendir(directory.get()) : nullptr);
    if (!entries) return;
    static_cast<void>(directory.release());  // closedir(3) closes it
    while (const struct dirent* entry = ::readdir(entries.get())) {
      const std::string_view name = entry->d_name;
      if (!name.starts_with(prefix) || name.size() != prefix.size() + 8 ||
          name.find_first_not_of("0123456789abcdef", prefix.size()) != std::string_view::npos) {
        continue;
      }
      struct stat status;
      if (::fstatat(directory_.get(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)) {
        static_cast<void>(::unlinkat(directory_.get(), entry->d_name, 0));
      }
    }
  } catch (const std::exception&) {
    // The next one does.
  }
}

int HostFile::open_journal(int flags) const noexcept {
  try {
    const std::string name = name_ + "-journal";
    Fd fd(open_at(directory_.get(), name.c_str(), flags | kCareful, mode_));
    if (!fd) return -1;
    struct stat status;
    if (::fstat(fd.get(), &status) != 0) return -1;
    if (!S_ISREG(status.st_mode)) {
      errno = EINVAL;
      return -1;
    }
    if (!trusts(status)) {
      errno = EPERM;
      return -1;
    }
    // Whoever may change the archive must be able to roll back what another has begun.
    if ((flags & O_CREAT) != 0 && status.st_size == 0) {
      if (::geteuid() == 0 && ::fchown(fd.get(), owner_, group_) != 0) return -1;
      if ((status.st_mode & 0777) != mode_ && ::fchmod(fd.get(), mode_) != 0) return -1;
    }
    return fd.release();
  } catch (const std::exception&) {
    errno = ENOMEM;
    return -1;
  }
}

bool HostFile::trusts(const struct stat& journal) const noexcept {
  if (journal.st_nlink > 1) return false;
  if (journal.st_uid == 0 || journal.st_uid == owner_ || journal.st_uid == ::geteuid()) return true;
  return (mode_ & S_IWOTH) != 0 || ((mode_ & S_IWGRP) != 0 && journal.st_gid == group_);
}

bool HostFile::has_journal() const noexcept {
  try {
    struct stat status;
    return ::fstatat(directory_.get(), (name_ + "-journal").c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode) && status.st_size > 0;
  } catch (const std::exception&) {
    return false;
  }
}

bool HostFile::has_unfinished_journal() const noexcept {
  const Fd journal(open_journal(O_RDONLY));
  if (!journal) return errno != ENOENT && has_journal();
  char first = 0;
  return ::pread(journal.get(), &first, 1, 0) < 0 || first != 0;
}

int HostFile::remove_journal() const noexcept {
  try {
    return ::unlinkat(directory_.get(), (name_ + "-journal").c_str(), 0);
  } catch (const std::exception&) {
    errno = ENOMEM;
    return -1;
  }
}

int HostFile::sync_directory() const noexcept {
  if (can_sync_) return sync_file(directory_.get());
  // One that may not be listed cannot be opened for fsync(2): then all of its file system is synced, by its descriptor.
  const Fd file(open_at(directory_.get(), name_.c_str(), O_RDONLY | kCareful));
  return file ? ::syncfs(file.get()) : -1;
}

Fd HostFile::open_temporary() const {
  Fd fd(open_at(directory_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  // A file system or kernel without O_TMPFILE: a file with a name, for a moment.
  for (int i = 0; !fd && i < 100; ++i) {
    char name[48];
    std::snprintf(name, sizeof name, ".starlit-%08x", random_number());
    fd = Fd(open_at(directory_.get(), name, O_CREAT | O_EXCL | O_RDWR | kCareful, 0600));
    if (fd) {
      static_cast<void>(::unlinkat(directory_.get(), name, 0));
    } else if (errno != EEXIST) {
      break;
    }
  }
  if (!fd) throw posix_error("couldn't make a temporary file beside", path_);
  return fd;
}

}  // namespace starlit
