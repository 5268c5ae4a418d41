// SPDX-License-Identifier: MIT

#include "driver/mounts.h"

#include <mutex>

namespace starlit {
namespace {

// Above any device number that Linux gives out for a real file system's minor and major in 32 bits.
constexpr std::uint64_t kDeviceBase = std::uint64_t{1} << 40;

// What is left of `path` below `point`, or nothing when it does not lie there.
std::optional<std::string_view> below(std::string_view path, std::string_view point) {
  if (!path.starts_with(point)) return std::nullopt;
  path.remove_prefix(point.size());
  if (path.empty()) return path;
  if (point.ends_with('/')) return path;
  if (path.front() != '/') return std::nullopt;
  path.remove_prefix(1);
  return path;
}

}  // namespace

void MountTable::add(const std::string& point, std::shared_ptr<Archive> archive, std::int64_t root_mtime_s) {
  const std::unique_lock lock(mutex_);
  if (mounts_.contains(point)) {
    throw Error(EBUSY, "MOUNTED", quoted("couldn't mount at", point) + ": something is mounted there already");
  }
  auto mount = std::make_shared<Mount>();
  mount->point = point;
  mount->archive = std::move(archive);
  mount->root_mtime_s = root_mtime_s;
  mount->device = kDeviceBase + next_device_++;
  mounts_.emplace(point, std::move(mount));
}

void MountTable::remove(const std::string& point) {
  const std::unique_lock lock(mutex_);
  const auto at = mounts_.find(point);
  if (at == mounts_.end()) {
    throw Error(EINVAL, "NOTMOUNTED", quoted("couldn't unmount", point) + ": nothing is mounted there");
  }
  if (const int channels = at->second->channels; channels > 0) {
    throw Error(EBUSY, "BUSY",
                quoted("couldn't unmount", point) + ": " + std::to_string(channels) +
                    (channels == 1 ? " file is open" : " files are open"));
  }
  mounts_.erase(at);
}

std::optional<Place> MountTable::find(std::string_view path) const {
  const std::shared_lock lock(mutex_);
  // Of the mount points that sort at or before the path, the nearest one that holds it is the longest.
  for (auto at = mounts_.upper_bound(path); at != mounts_.begin();) {
    --at;
    if (const auto name = below(path, at->first)) return Place{at->second, std::string(*name)};
  }
  return std::nullopt;
}

std::vector<std::shared_ptr<const Mount>> MountTable::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<const Mount>> mounts;
  for (const auto& [point, mount] : mounts_) mounts.push_back(mount);
  return mounts;
}

}  // namespace starlit
