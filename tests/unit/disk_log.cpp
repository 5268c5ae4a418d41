// SPDX-License-Identifier: MIT

#include "disk_log.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "support.h"

namespace starlit {
namespace {

using Event = DiskLog::Event;
using Kind = Event::Kind;

constexpr std::int64_t kSector = 512;

void apply_write(std::string& content, const Event& event, std::int64_t from, std::int64_t to) {
  if (content.size() < static_cast<std::size_t>(to)) content.resize(static_cast<std::size_t>(to));
  std::memcpy(content.data() + from, event.bytes.data() + (from - event.offset), static_cast<std::size_t>(to - from));
}

void apply(std::string& content, const Event& event) {
  if (event.kind == Kind::kTruncate) {
    content.resize(static_cast<std::size_t>(event.offset));
  } else {
    apply_write(content, event, event.offset, event.offset + static_cast<std::int64_t>(event.bytes.size()));
  }
}

void apply(std::map<std::string, int>& names, const Event& event) {
  if (event.kind == Kind::kMake) {
    names[event.name] = event.file;
  } else {
    names.erase(event.name);
    if (event.kind == Kind::kRename) names[event.to] = event.file;
  }
}

}  // namespace

DiskLog::DiskLog(std::string directory) : directory_(std::move(directory)) {
  struct stat status;
  REQUIRE(::stat(directory_.c_str(), &status) == 0);
  directory_inode_ = status.st_ino;
  for (const std::string& name : host_names(directory_)) {
    first_[name] = read_host_file(directory_ + "/" + name);
    REQUIRE(::stat((directory_ + "/" + name).c_str(), &status) == 0);
    files_[status.st_ino] = next_file_++;
  }
}

bool DiskLog::is_directory(int fd) const {
  struct stat status;
  return ::fstat(fd, &status) == 0 && status.st_ino == directory_inode_;
}

int DiskLog::file_of(int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return -1;
  const auto known = files_.find(status.st_ino);
  return known == files_.end() ? -1 : known->second;
}

void DiskLog::wrote(int fd, std::string_view bytes, off_t offset) {
  if (const int file = file_of(fd); file >= 0) {
    events_.push_back({Kind::kWrite, file, offset, std::string(bytes), {}, {}});
  }
}

void DiskLog::truncated(int fd, off_t size) {
  if (const int file = file_of(fd); file >= 0) events_.push_back({Kind::kTruncate, file, size, {}, {}, {}});
}

void DiskLog::synced(int fd) {
  if (is_directory(fd)) {
    events_.push_back({Kind::kSyncNames, 0, 0, {}, {}, {}});
  } else if (const int file = file_of(fd); file >= 0) {
    events_.push_back({Kind::kSync, file, 0, {}, {}, {}});
  }
}

void DiskLog::opened(int directory, const char* name, int fd, bool is_new) {
  if (!is_new || !is_directory(directory)) return;
  struct stat status;
  if (::fstat(fd, &status) != 0) return;
  const int file = next_file_++;
  files_[status.st_ino] = file;
  if (std::string_view(name) != ".") events_.push_back({Kind::kMake, file, 0, {}, name, {}});
}

void DiskLog::removed(int directory, const char* name) {
  if (is_directory(directory)) events_.push_back({Kind::kRemove, 0, 0, {}, name, {}});
}

void DiskLog::renamed(int directory, const char* from, const char* to) {
  if (!is_directory(directory)) return;
  struct stat status;
  REQUIRE(::stat((directory_ + "/" + to).c_str(), &status) == 0);
  events_.push_back({Kind::kRename, files_.at(status.st_ino), 0, {}, from, to});
}

Disk::Disk(const DiskLog& log) : log_(log) {
  int file = 0;
  for (const auto& [name, content] : log.first_) {
    names_[name] = file;
    files_[file++].synced = content;
  }
}

bool Disk::advance() {
  if (at_ == log_.events_.size()) return false;
  const Event& event = log_.events_[at_++];
  switch (event.kind) {
    case Kind::kNote: noted_ = event.file; break;
    case Kind::kWrite:
    case Kind::kTruncate: files_[event.file].pending.push_back(&event); break;
    case Kind::kSync: {
      File& file = files_[event.file];
      for (const Event* change : file.pending) apply(file.synced, *change);
      file.pending.clear();
      break;
    }
    case Kind::kSyncNames:
      for (const Event* change : pending_) apply(names_, *change);
      pending_.clear();
      break;
    default: pending_.push_back(&event); break;
  }
  return true;
}

Files Disk::image(std::mt19937& random) const {
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  // Nearly all lost, nearly all kept, half and half, or one cut through all that happened.
  constexpr std::size_t kKept[] = {0, 1, 4, 7, 8};
  const std::size_t kept_in_8 = kKept[below(5)];
  const bool one_cut = below(3) == 0;
  const auto keeps = [&] { return below(8) < kept_in_8; };

  std::map<std::string, int> names = names_;
  const std::size_t names_cut = below(pending_.size() + 1);
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (one_cut ? i < names_cut : keeps()) apply(names, *pending_[i]);
  }

  Files files;
  for (const auto& [name, number] : names) {
    const auto at = files_.find(number);
    std::string& content = files[name];
    if (at == files_.end()) continue;  // made and never written
    const File& file = at->second;
    content = file.synced;
    const std::size_t count = file.pending.size();
    const std::size_t cut = below(count + 1);
    std::map<std::int64_t, std::size_t> sectors;  // how many of the changes each has seen
    const auto seen_by = [&](std::int64_t sector) {
      const auto known = sectors.find(sector);
      if (known != sectors.end()) return known->second;
      return sectors[sector] = one_cut ? cut : keeps() ? count : below(count + 1) * (below(8) < kept_in_8 ? 1 : 0);
    };
    for (std::size_t i = 0; i < count; ++i) {
      const Event& event = *file.pending[i];
      if (event.kind == Kind::kTruncate) {
        if (one_cut ? i < cut : keeps()) apply(content, event);
        continue;
      }
      const std::int64_t end = event.offset + static_cast<std::int64_t>(event.bytes.size());
      for (std::int64_t from = event.offset; from < end;) {
        const std::int64_t to = std::min(end, (from / kSector + 1) * kSector);
        if (i < seen_by(from / kSector)) apply_write(content, event, from, to);
        from = to;
      }
    }
  }
  return files;
}

}  // namespace starlit
