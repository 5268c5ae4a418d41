// SPDX-License-Identifier: MIT

#include "archive/extract.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <set>
#include <unordered_set>
#include <vector>

#include "archive/name.h"
#include "archive/packages.h"
#include "base/file.h"

namespace starlit {
namespace {

// The new directory and what has been made in it, removed again unless kept.
class Target {
 public:
  explicit Target(const std::string& path) : path_(path) {
    if (::mkdir(path.c_str(), 0700) != 0) throw posix_error("couldn't create directory", path);
    root_ = Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!root_) throw posix_error("couldn't open", path);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() {
    if (kept_) return;
    for (auto it = made_.rbegin(); it != made_.rend(); ++it) {
      ::unlinkat(root_.get(), it->name.c_str(), it->is_directory ? AT_REMOVEDIR : 0);
    }
    ::rmdir(path_.c_str());
  }

  // Makes a directory and those above it. Writable for us until finish() sets its mode.
  void make_directory(const std::string& name) {
    if (name.empty() || directories_.contains(name)) return;
    make_directory(std::string(parent_name(name)));
    if (::mkdirat(root_.get(), name.c_str(), 0777) != 0) fail("couldn't create directory", name);
    made_.push_back({name, true});
    directories_.insert(name);
  }

  void write_file(const std::string& name, const Member& member, MemberReader& content) {
    make_directory(std::string(parent_name(name)));
    const Fd fd(::openat(root_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) fail("couldn't create", name);
    made_.push_back({name, false});
    copy(content, fd, name);
    if (::fchmod(fd.get(), member.permissions & 0777) != 0) fail("couldn't set the mode of", name);
    const auto times = times_of(member);
    if (::futimens(fd.get(), times.data()) != 0) fail("couldn't set the time of", name);
  }

  void make_link(const std::string& name, const Member& member, const std::string& target) {
    make_directory(std::string(parent_name(name)));
    if (::symlinkat(target.c_str(), root_.get(), name.c_str()) != 0) fail("couldn't create link", name);
    made_.push_back({name, false});
    const auto times = times_of(member);
    ::utimensat(root_.get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
  }

  void finish_directory(const std::string& name, const Member& member) {
    if (::fchmodat(root_.get(), name.c_str(), member.permissions & 0777, 0) != 0) {
      fail("couldn't set the mode of", name);
    }
    const auto times = times_of(member);
    ::utimensat(root_.get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
  }

  void keep() {
    const mode_t mask = ::umask(022);
    ::umask(mask);
    if (::fchmod(root_.get(), 0777 & ~mask) != 0) throw posix_error("couldn't set the mode of", path_);
    kept_ = true;
  }

 private:
  struct Made {
    std::string name;
    bool is_directory;
  };

  static std::array<timespec, 2> times_of(const Member& member) {
    const timespec time{static_cast<time_t>(member.mtime_s), 0};
    return {time, time};
  }

  [[noreturn]] void fail(const char* verb, const std::string& name) const {
    throw posix_error(verb, path_ + "/" + name);
  }

  void copy(MemberReader& content, const Fd& fd, const std::string& name) {
    const auto write = [&](Bytes bytes) {
      write_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path_ + "/" + name);
    };
    if (const auto bytes = content.bytes()) return write(*bytes);
    std::vector<std::byte> piece(1 << 20);
    std::int64_t offset = 0;
    while (const std::size_t size = content.read(offset, piece)) {
      write(Bytes(piece).first(size));
      offset += static_cast<std::int64_t>(size);
    }
  }

  const std::string path_;
  Fd root_;
  std::vector<Made> made_;
  std::unordered_set<std::string> directories_;
  bool kept_ = false;
};

struct Entry {
  std::string name;
  Member member;
};

}  // namespace

std::int64_t extract_archive(Archive& archive, const std::string& directory, const ExtractOptions& options) {
  // First the list: a bad name is found before anything is made.
  const auto runtime = options.runtime_members ? std::set<std::string, std::less<>>() : runtime_members(archive);
  std::vector<Entry> entries;
  std::int64_t total_bytes = 0;
  archive.each([&](std::string_view name, const Member& member) {
    if (runtime.contains(name)) return;
    total_bytes += member.size_bytes;
    entries.push_back({std::string(name), member});
  });

  Target target(directory);
  std::int64_t done_bytes = 0;
  for (const Entry& entry : entries) {
    if (entry.member.type == MemberType::kDirectory) target.make_directory(entry.name);
    if (entry.member.type != MemberType::kFile) continue;
    const auto content = archive.open(entry.name);
    if (!content) throw Error(EIO, "CORRUPT", quoted("couldn't read", archive.path()) + ": a member is missing");
    target.write_file(entry.name, entry.member, *content);
    done_bytes += entry.member.size_bytes;
    if (options.progress) options.progress(done_bytes, total_bytes);
  }
  for (const Entry& entry : entries) {
    if (entry.member.type != MemberType::kLink) continue;
    target.make_link(entry.name, entry.member, archive.link_target(entry.name).value_or(""));
  }
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->member.type == MemberType::kDirectory) target.finish_directory(entry->name, entry->member);
  }
  target.keep();
  return static_cast<std::int64_t>(entries.size());
}

}  // namespace starlit
