// SPDX-License-Identifier: MIT

#include "self.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "archive/executable.h"
#include "base/file.h"

namespace starlit {
namespace {

constexpr const char* kProcSelf = "/proc/self/exe";

// Lexical only: "/a/./b" -> "/a/b". Parts ".." stay, since what they lead to depends on links.
std::string without_dots(std::string_view path) {
  std::string result;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    result += '/';
    result += part;
  }
  return result.empty() ? "/" : result;
}

std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return without_dots(path);
  char directory[PATH_MAX];
  if (::getcwd(directory, sizeof directory) == nullptr || directory[0] != '/') return path;
  return without_dots(std::string(directory) + "/" + path);
}

// Whether the file at `path` is the program that runs. See the header.
bool is_this_program(const std::string& path) {
  struct stat there;
  if (::stat(path.c_str(), &there) != 0 || !S_ISREG(there.st_mode)) return false;
  struct stat running;
  if (::stat(kProcSelf, &running) == 0) return is_same_file(there, running);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  return fd ? is_own_image(fd) : errno == EACCES && (there.st_mode & 0111) != 0;
}

std::string from_proc() {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(kProcSelf, target, sizeof target);
  if (size <= 0 || target[0] != '/') return "";
  std::string path(target, static_cast<std::size_t>(size));
  constexpr std::string_view kDeleted = " (deleted)";
  struct stat status;
  if (path.ends_with(kDeleted) && ::stat(path.c_str(), &status) != 0) path.resize(path.size() - kDeleted.size());
  return path;
}

std::string from_path(const char* argv0) {
  if (argv0 == nullptr || *argv0 == '\0') return "";
  if (std::strchr(argv0, '/') != nullptr) return is_this_program(argv0) ? absolute(argv0) : "";
  const char* variable = std::getenv("PATH");
  std::string_view directories = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (true) {
    const auto colon = directories.find(':');
    const std::string_view directory = directories.substr(0, colon);
    const std::string path = (directory.empty() ? "." : std::string(directory)) + "/" + argv0;
    if (is_this_program(path)) return absolute(path);
    if (colon == std::string_view::npos) return "";
    directories.remove_prefix(colon + 1);
  }
}

// The archive by its mark in the file of this program, which nobody can write to while it runs (ETXTBSY): it is mapped.
std::shared_ptr<Archive> open_by_mark(const std::string& path) {
  Fd fd(::open(kProcSelf, O_RDONLY | O_CLOEXEC));
  if (!fd) fd = open_file(path, O_RDONLY);
  const Location location = locate_archive(fd, path);
  if (!location.has_mark) throw Error(EINVAL, "NOTKIT", quoted("couldn't open", path) + ": not a kit");
  const auto page = static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::int64_t>(location.offset);
  const std::int64_t start = offset / page * page;
  const auto skip = static_cast<std::size_t>(offset - start);
  const auto size = static_cast<std::size_t>(location.size_bytes);
  return Archive::open_mapping(map_file(fd, start, skip + size, path), skip, size, path);
}

}  // namespace

std::string own_path(const char* argv0) {
  if (const auto given = ::getauxval(AT_EXECFN); given != 0) {
    const std::string path(reinterpret_cast<const char*>(given));
    if (!path.empty() && !path.starts_with("/dev/fd/") && is_this_program(path)) return absolute(path);
  }
  if (const std::string path = from_proc(); !path.empty()) return path;
  if (const std::string path = from_path(argv0); !path.empty()) return path;
  return "/tclkit";
}

std::shared_ptr<Archive> open_own_archive(const std::string& path) {
  if (const auto segment = own_archive_segment(path)) return Archive::open_bytes(*segment, path, Trust::kOwn);
  return open_by_mark(path);
}

}  // namespace starlit
