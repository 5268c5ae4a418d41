// SPDX-License-Identifier: MIT

#include "archive/extract.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
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

// Files up to this size are held whole, one for each writer and those in the queue deflated.
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

// Inflates and writes files on all processors while the calling thread reads the archive.
class Writers {
 public:
  Writers(const Archive& archive, Target& target) : archive_(archive), target_(target) {
    const unsigned count = std::max(1u, std::thread::hardware_concurrency());
    try {
      for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // Those that could be started do the work; without any, add() does.
    }
  }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;
  ~Writers() { end(); }

  // Takes a file to be written. Throws what a writer has failed with.
  void add(const Entry& entry, const Archive::Stored& row) {
    File file{&entry, row, {row.data.begin(), row.data.end()}};
    if (threads_.empty()) return write(file, own_inflater_);
    batch_.bytes += file.data.size() + sizeof file;
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
  static constexpr std::size_t kBatchBytes = 64 << 10;
  static constexpr std::size_t kQueueMax = 8;

  struct File {
    const Entry* entry;
    Archive::Stored row;
    std::vector<std::byte> data;
  };

  // Files that follow one another, mostly of one directory: so that the writers seldom wait for each other.
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
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  void work() {
    std::optional<Inflater> inflater;
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
        if (!inflater) inflater.emplace();
        for (File& file : batch.files) write(file, *inflater);
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

  void write(File& file, Inflater& inflater) {
    file.row.data = file.data;
    const std::string& name = file.entry->name;
    const auto content = archive_.content_of(name, file.row, inflater);
    target_.write_file(name, file.entry->member, [&](const Fd& fd) {
      write_bytes(fd, {content.get(), static_cast<std::size_t>(file.row.size)}, target_.path_of(name));
    });
  }

  const Archive& archive_;
  Target& target_;
  std::mutex mutex_;
  std::condition_variable work_;  // the queue is not empty, or no more will come
  std::condition_variable room_;  // the queue is not full
  std::deque<Batch> queue_;
  std::exception_ptr failure_;    // the first
  bool ended_ = false;
  std::vector<std::thread> threads_;
  Batch batch_;  // what add() collects
  Inflater own_inflater_;  // for add(), where no thread can be started
};

// A file too large to be held: read and written piece by piece.
void write_large(Archive& archive, Target& target, const Entry& entry) {
  const auto content = archive.open(entry.name);
  if (!content) throw Error(EIO, "CORRUPT", quoted("couldn't read", archive.path()) + ": a member is missing");
  target.write_file(entry.name, entry.member, [&](const Fd& fd) {
    std::vector<std::byte> piece(1 << 20);
    std::int64_t offset = 0;
    while (const std::size_t size = content->read(offset, piece)) {
      write_bytes(fd, Bytes(piece).first(size), target.path_of(entry.name));
      offset += static_cast<std::int64_t>(size);
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
  archive.each([&](std::string_view name, const Member& member) {
    if (runtime.contains(name)) return;
    total_bytes += member.size_bytes;
    entries.push_back({std::string(name), member});
  });

  Target target(directory);
  for (const Entry& entry : entries) {
    target.make_directory(entry.member.type == MemberType::kDirectory ? entry.name
                                                                      : std::string(parent_name(entry.name)));
  }
  std::int64_t done_bytes = 0;
  Writers writers(archive, target);
  for (const Entry& entry : entries) {
    if (entry.member.type != MemberType::kFile) continue;
    if (entry.member.size_bytes > kQueuedMax) {
      write_large(archive, target, entry);
    } else {
      const auto turn = archive.lock();
      const auto row = archive.stored(entry.name);
      if (!row) throw Error(EIO, "CORRUPT", quoted("couldn't read", archive.path()) + ": a member is missing");
      writers.add(entry, *row);
      archive.release();
    }
    done_bytes += entry.member.size_bytes;
    if (options.progress) options.progress(done_bytes, total_bytes);
  }
  writers.finish();
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
