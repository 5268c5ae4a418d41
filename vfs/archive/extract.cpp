// SPDX-License-Identifier: MIT

#include "archive/extract.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "archive/name.h"
#include "archive/packages.h"
#include "base/file.h"

namespace starlit {
namespace {

// Files up to this size are held whole, in batches that wait to be written.
constexpr std::int64_t kQueuedMax = 4 << 20;

// The new directory and what has been made in it, removed again unless kept.
class Target {
 public:
  explicit Target(const std::string& path) : path_(path) {
    if (::mkdir(path.c_str(), 0700) != 0) throw posix_error("couldn't create directory", path);
    root_ = Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!root_) {
      const Error error = posix_error("couldn't open", path);
      ::rmdir(path.c_str());
      throw error;
    }
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

  // Creates a file in a directory that is there. Any thread may call.
  void write_file(const std::string& name, const Member& member, const std::function<void(const Fd&)>& write) {
    const mode_t mode = member.permissions & 0777;
    const Fd fd(::openat(root_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd) fail("couldn't create", name);
    {
      const std::lock_guard guard(mutex_);
      made_.push_back({name, false});
    }
    write(fd);
    if ((mode & mask_) != 0 && ::fchmod(fd.get(), mode) != 0) fail("couldn't set the mode of", name);
    const auto times = times_of(member);
    if (::futimens(fd.get(), times.data()) != 0) fail("couldn't set the time of", name);
  }

  std::string path_of(const std::string& name) const { return path_ + "/" + name; }

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
    if (::fchmod(root_.get(), 0777 & ~mask_) != 0) throw posix_error("couldn't set the mode of", path_);
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
    throw posix_error(verb, path_of(name));
  }

  std::mutex mutex_;  // for made_, while files are written
  const mode_t mask_ = current_umask();
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

void write_bytes(const Fd& fd, Bytes bytes, const std::string& path) {
  write_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

// Writes files while the calling thread reads and inflates them. One thread: the host's file system lets several that
// create files wait for each other.
class Writer {
 public:
  explicit Writer(Target& target) : target_(target) {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error&) {
      // Without a thread, add() writes.
    }
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { end(); }

  // Takes a file to be written. Throws what writing another has failed with.
  void add(const Entry& entry, std::unique_ptr<std::byte[]> content, std::size_t size_bytes) {
    File file{&entry, std::move(content), size_bytes};
    if (!thread_.joinable()) return write(file);
    batch_.bytes += size_bytes + sizeof file;
    batch_.files.push_back(std::move(file));
    if (batch_.bytes >= kBatchBytes) hand_over();
  }

  // Waits until all is written.
  void finish() {
    hand_over();
    end();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  static constexpr std::size_t kBatchBytes = 256 << 10;
  static constexpr std::size_t kQueueMax = 8;

  struct File {
    const Entry* entry;
    std::unique_ptr<std::byte[]> content;
    std::size_t size_bytes;
  };

  // Files that follow one another, so that the threads seldom have to wake each other.
  struct Batch {
    std::vector<File> files;
    std::size_t bytes = 0;
  };

  void hand_over() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return queue_.size() < kQueueMax || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    queue_.push_back(std::exchange(batch_, {}));
    work_.notify_one();
  }

  void end() {
    {
      const std::lock_guard guard(mutex_);
      ended_ = true;
    }
    work_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      work_.wait(lock, [&] { return !queue_.empty() || ended_; });
      if (queue_.empty()) return;
      Batch batch = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      room_.notify_one();
      std::exception_ptr failure;
      try {
        for (const File& file : batch.files) write(file);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (!failure) continue;
      if (!failure_) failure_ = failure;
      queue_.clear();
      room_.notify_all();
    }
  }

  void write(const File& file) {
    const std::string& name = file.entry->name;
    target_.write_file(name, file.entry->member, [&](const Fd& fd) {
      write_bytes(fd, {file.content.get(), file.size_bytes}, target_.path_of(name));
    });
  }

  Target& target_;
  std::mutex mutex_;
  std::condition_variable work_;  // the queue is not empty, or no more will come
  std::condition_variable room_;  // the queue is not full
  std::deque<Batch> queue_;
  std::exception_ptr failure_;    // the first
  bool ended_ = false;
  Batch batch_;  // what add() collects
  std::thread thread_;
};

// A file too large to be held: read and written piece by piece. `wrote` is told the bytes of each.
void write_large(Archive& archive, Target& target, const Entry& entry, const std::function<void(std::size_t)>& wrote) {
  const auto content = archive.open(entry.name);
  if (!content) throw Error(EIO, "CORRUPT", quoted("couldn't read", archive.path()) + ": a member is missing");
  target.write_file(entry.name, entry.member, [&](const Fd& fd) {
    std::vector<std::byte> piece(1 << 20);
    std::int64_t offset = 0;
    while (const std::size_t size = content->read(offset, piece)) {
      write_bytes(fd, Bytes(piece).first(size), target.path_of(entry.name));
      offset += static_cast<std::int64_t>(size);
      wrote(size);
    }
  });
}

}  // namespace

std::int64_t extract_archive(Archive& archive, const std::string& directory, const ExtractOptions& options) {
  const Archive::Snapshot snapshot(archive);
  // First the list: a bad name is found before anything is made.
  const auto runtime = options.runtime_members ? std::set<std::string, std::less<>>() : runtime_members(archive);
  std::vector<Entry> entries;
  std::int64_t total_bytes = 0;
  auto wanted = options.names;
  archive.each([&](std::string_view name, const Member& member) {
    if (runtime.contains(name)) return;
    if (wanted) {
      const auto found = wanted->find(name);
      if (found == wanted->end()) return;
      wanted->erase(found);
    }
    total_bytes += member.size_bytes;
    entries.push_back({std::string(name), member});
  });

  if (wanted && !wanted->empty()) {
    throw Error(ENOENT, "NOMEMBER", quoted("couldn't read", archive.path() + "/" + *wanted->begin()) + ": no such member");
  }

  Target target(directory);
  for (const Entry& entry : entries) {
    target.make_directory(entry.member.type == MemberType::kDirectory ? entry.name
                                                                      : std::string(parent_name(entry.name)));
  }
  std::int64_t done_bytes = 0;
  const auto done = [&](std::size_t bytes) {
    done_bytes += static_cast<std::int64_t>(bytes);
    if (options.progress) options.progress(done_bytes, total_bytes);
  };
  Writer writer(target);
  Inflater inflater;
  for (const Entry& entry : entries) {
    if (entry.member.type != MemberType::kFile) continue;
    if (entry.member.size_bytes > kQueuedMax || entry.member.chunks != 0) {
      write_large(archive, target, entry, done);
    } else {
      const auto turn = archive.lock();
      const auto row = archive.stored(entry.name);
      if (!row) throw Error(EIO, "CORRUPT", quoted("couldn't read", archive.path()) + ": a member is missing");
      writer.add(entry, archive.content_of(entry.name, *row, inflater), static_cast<std::size_t>(row->size));
      archive.release();
      done(static_cast<std::size_t>(row->size));
    }
  }
  writer.finish();
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
