// SPDX-License-Identifier: MIT

#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/error.h"

namespace starlit {
namespace {

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Of links like /dev/stdout, which lead to what is open. In their place a file would be in everybody's way.
bool leads_to_descriptor(std::string path) {
  constexpr int kLinksMax = 40;
  char target[4096];
  for (int i = 0; i < kLinksMax; ++i) {
    const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
    if (size <= 0) return false;
    const std::string_view text(target, static_cast<std::size_t>(size));
    if (text.starts_with("/proc/")) return true;
    path = text.front() == '/' ? std::string(text) : directory_of(path) + "/" + std::string(text);
  }
  return false;
}

void refuse_special(const std::string& path) {
  if (leads_to_descriptor(path)) {
    throw Error(EEXIST, "NOTFILE", quoted("couldn't write", path) + ": it is a link to an open file");
  }
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return;
  if (S_ISDIR(status.st_mode)) throw Error(EISDIR, "", quoted("couldn't write", path) + ": it is a directory");
  if (!S_ISREG(status.st_mode)) {
    throw Error(EEXIST, "NOTFILE", quoted("couldn't write", path) + ": it exists and is not a regular file");
  }
}

}  // namespace

mode_t current_umask() {
  const mode_t mask = ::umask(022);
  ::umask(mask);
  return mask;
}

Fd open_file(const std::string& path, int flags, mode_t mode) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw posix_error("couldn't open", path);
  return Fd(fd);
}

Fd open_regular(const std::string& path) {
  Fd fd = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  const struct stat status = stat_fd(fd, path);
  if (S_ISDIR(status.st_mode)) throw posix_error("couldn't open", path, EISDIR);
  if (!S_ISREG(status.st_mode)) {
    throw Error(EINVAL, "NOTFILE", quoted("couldn't open", path) + ": not a regular file");
  }
  return fd;
}

struct stat stat_fd(const Fd& fd, const std::string& path) {
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) throw posix_error("couldn't stat", path);
  return status;
}

bool is_same_file(const Fd& one, const Fd& other) noexcept {
  struct stat a, b;
  return one && other && ::fstat(one.get(), &a) == 0 && ::fstat(other.get(), &b) == 0 && is_same_file(a, b);
}

std::size_t read_at(const Fd& fd, void* buffer, std::size_t size_bytes, std::int64_t offset, const std::string& path) {
  std::size_t done = 0;
  while (done < size_bytes) {
    const ssize_t n = ::pread(fd.get(), static_cast<char*>(buffer) + done, size_bytes - done,
                              static_cast<off_t>(offset + static_cast<std::int64_t>(done)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw posix_error("couldn't read", path);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

std::string read_all(const Fd& fd, const std::string& path) {
  std::string content(static_cast<std::size_t>(stat_fd(fd, path).st_size), '\0');
  content.resize(read_at(fd, content.data(), content.size(), 0, path));
  return content;
}

void write_all(const Fd& fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw posix_error("couldn't write", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

Mapping map_file(const Fd& fd, std::int64_t offset, std::size_t size_bytes, const std::string& path) {
  if (size_bytes == 0) return {};
  void* address = ::mmap(nullptr, size_bytes, PROT_READ, MAP_PRIVATE, fd.get(), static_cast<off_t>(offset));
  if (address == MAP_FAILED) throw posix_error("couldn't map", path);
  return {address, size_bytes};
}

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  refuse_special(path_);
  const auto slash = path_.rfind('/');
  const std::string name = slash == std::string::npos ? path_ : path_.substr(slash + 1);
  if (name.empty()) throw posix_error("couldn't write", path_, path_.empty() ? ENOENT : EISDIR);
  // A name of 255 bytes leaves no room for a longer one beside it.
  temporary_ = directory_of(path_) + "/." + name.substr(0, 200) + ".XXXXXX";
  const int fd = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (fd < 0) throw posix_error("couldn't write", path_);
  fd_ = Fd(fd);
}

OutputFile::OutputFile(std::string path, std::string temporary) : path_(std::move(path)) {
  refuse_special(path_);
  fd_ = open_file(temporary, O_RDWR | O_NOFOLLOW);
  if (!S_ISREG(stat_fd(fd_, temporary).st_mode)) {
    throw Error(EINVAL, "NOTFILE", quoted("couldn't read", temporary) + ": not a regular file");
  }
  temporary_ = std::move(temporary);
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::commit(mode_t permissions) {
  if (::fchmod(fd_.get(), permissions & ~current_umask()) != 0) throw posix_error("couldn't set the mode of", path_);
  if (::fsync(fd_.get()) != 0) throw posix_error("couldn't write", path_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw posix_error("couldn't write", path_);
  temporary_.clear();
  // The rename is done: what fails from here on is only the directory's own durability.
  const Fd directory(::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) ::fsync(directory.get());
}

}  // namespace starlit
