// SPDX-License-Identifier: MIT
//
// Power failures: what a disk may hold of a directory when the power goes at some moment.
//
// A DiskLog records what a thread does to the files in a directory. A Disk plays that back up to a moment and makes
// images of what could be found afterwards:
//
// 1. What was synced is there: a file's content by fsync(2) of the file, names by fsync(2) of the directory.
// 2. Of what a file was given since, each sector of 512 bytes holds any state that it went through; a file is as long as
//    the last sector that reached the disk says, so a write may be cut short or be missing in the middle (zeros, where
//    nothing was).
// 3. Shortening a file has happened, or it has not, while later writes have.
// 4. Of the names made, removed and changed since, each change has happened or has not.

#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "host_calls.h"

namespace starlit {

using Files = std::map<std::string, std::string>;  // name -> content

class DiskLog : public HostWatch {
 public:
  struct Event {
    enum class Kind { kWrite, kTruncate, kSync, kMake, kRemove, kRename, kSyncNames, kNote } kind;
    int file = 0;             // or a note's number
    std::int64_t offset = 0;  // or size
    std::string bytes, name, to;
  };

  // What is in the directory now is taken as synced.
  explicit DiskLog(std::string directory);

  // Puts a number between the events.
  void note(int number) { events_.push_back({Event::Kind::kNote, number, 0, {}, {}, {}}); }

  const std::vector<Event>& events() const noexcept { return events_; }
  const Files& first() const noexcept { return first_; }

  bool skips_sync() const override { return true; }
  void wrote(int fd, std::string_view bytes, off_t offset) override;
  void truncated(int fd, off_t size) override;
  void synced(int fd) override;
  void opened(int directory, const char* name, int fd, bool is_new) override;
  void removed(int directory, const char* name) override;
  void renamed(int directory, const char* from, const char* to) override;

 private:
  friend class Disk;
  bool is_directory(int fd) const;
  int file_of(int fd);

  std::string directory_;
  std::uint64_t directory_inode_;
  std::map<std::uint64_t, int> files_;  // inode -> number; first the files in first_, in their order
  int next_file_ = 0;
  Files first_;
  std::vector<Event> events_;
};

class Disk {
 public:
  explicit Disk(const DiskLog& log);

  // Goes on by one event; false at the end.
  bool advance();

  // The last number noted; -1 before the first.
  int noted() const noexcept { return noted_; }

  // What may be found if the power goes now. How much of what was not synced is lost is chosen anew each time.
  Files image(std::mt19937& random) const;

 private:
  struct File {
    std::string synced;
    std::vector<const DiskLog::Event*> pending;
  };

  const DiskLog& log_;
  std::size_t at_ = 0;
  int noted_ = -1;
  std::map<int, File> files_;
  std::map<std::string, int> names_;
  std::vector<const DiskLog::Event*> pending_;
};

}  // namespace starlit
