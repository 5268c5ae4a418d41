// SPDX-License-Identifier: MIT

#include "driver/mounts.h"

#include "driver/driver.h"
#include "handler_mounts.h"

namespace starlit {
namespace {

// Above any device number that Linux gives out for a real file system's minor and major in 32 bits.
constexpr std::uint64_t kDeviceBase = std::uint64_t{1} << 40;

}  // namespace

Mount::Mount(std::string mount_point, std::shared_ptr<Archive> archive, std::int64_t root_mtime,
             std::uint64_t device_number, const char* driver_name)
    : point(std::move(mount_point)),
      archive_path(archive ? archive->path() : ""),
      is_writable(archive && archive->is_writable()),
      root_mtime_s(root_mtime),
      device(device_number),
      driver(driver_name) {
  if (is_writable) {
    first_ = std::move(archive);
  } else if (archive) {
    shared_ = std::make_shared<Session>(std::move(archive));
  }
}

// Whatever may wait for the archive's file is done without the lock: who makes others wait may need it to end that.
std::shared_ptr<Session> Mount::session() const {
  const auto id = std::this_thread::get_id();
  std::shared_ptr<Session> mine;
  std::shared_ptr<const Archive> another;
  bool is_known = false;
  {
    const std::lock_guard lock(mutex_);
    if (shared_) return shared_;
    if (const auto known = sessions_.find(id); known != sessions_.end()) {
      mine = known->second;
      is_known = true;
    } else if (first_) {
      mine = sessions_.emplace(id, std::make_shared<Session>(first_)).first->second;
      first_.reset();
    } else if (!sessions_.empty()) {
      another = sessions_.begin()->second->archive().shared_from_this();
    }
  }
  if (is_known) {
    mine->archive().renew();
    return mine;
  }
  if (another) {
    mine = std::make_shared<Session>(another->reopen());
    const std::lock_guard lock(mutex_);
    if (is_closed_) {
      mine.reset();
    } else {
      sessions_.emplace(id, mine);
    }
  }
  if (!mine) throw posix_error("couldn't use", point, ENOENT);
  if (mount_table() != nullptr) {
    Tcl_CreateThreadExitHandler([](ClientData) { mount_table()->leave(); }, nullptr);
  }
  return mine;
}

void Mount::leave() const {
  std::shared_ptr<Session> mine;
  const std::lock_guard lock(mutex_);
  const auto known = sessions_.find(std::this_thread::get_id());
  if (known == sessions_.end()) return;
  mine = std::move(known->second);
  sessions_.erase(known);
  mine->archive().tidy_up();
  // Somebody has to keep the file: it may not be found again by its path.
  if (!sessions_.empty()) return;
  first_ = mine->archive().shared_from_this();
  if (mine.use_count() == 1) {
    mine.reset();  // here: the next thread may take the archive at once
    return;
  }
  // A channel that this thread has left open still uses it.
  try {
    first_ = first_->reopen();
  } catch (const std::exception&) {
    // The file is not to be found any more; what is open of it serves whoever comes.
  }
}

void Mount::close() const {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  shared_.reset();
  first_.reset();
  sessions_.clear();
}

void Mount::set_atime(std::string_view name, std::int64_t atime_s) const {
  const std::lock_guard lock(mutex_);
  atimes_.insert_or_assign(std::string(name), atime_s);
}

std::optional<std::int64_t> Mount::atime(std::string_view name) const {
  if (!is_writable) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto at = atimes_.find(name);
  return at == atimes_.end() ? std::nullopt : std::optional(at->second);
}

void Mount::forget_atimes(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  take_atimes(name);
}

void Mount::move_atimes(std::string_view from, std::string_view to) const {
  const std::lock_guard lock(mutex_);
  take_atimes(to);
  for (auto& node : take_atimes(from)) {
    node.key().replace(0, from.size(), to);
    atimes_.insert(std::move(node));
  }
}

std::vector<Mount::Atimes::node_type> Mount::take_atimes(std::string_view name) const {
  std::vector<Atimes::node_type> taken;
  if (atimes_.empty()) return taken;
  if (const auto at = atimes_.find(name); at != atimes_.end()) taken.push_back(atimes_.extract(at));
  const std::string below = std::string(name) + "/";
  for (auto at = atimes_.lower_bound(below); at != atimes_.end() && at->first.starts_with(below);) {
    taken.push_back(atimes_.extract(at++));
  }
  return taken;
}

void MountTable::add(const std::string& point, std::shared_ptr<Archive> archive, std::int64_t root_mtime_s,
                     const char* driver) {
  const std::unique_lock lock(mutex_);
  if (mounts_.contains(point)) {
    throw Error(EBUSY, "MOUNTED", quoted("couldn't mount at", point) + ": something is mounted there already");
  }
  auto mount = std::make_shared<Mount>(point, std::move(archive), root_mtime_s, kDeviceBase + next_device_++, driver);
  mounts_.emplace(point, std::move(mount));
}

// What is mounted at exactly this point and has no open channels.
std::shared_ptr<Mount>& MountTable::idle(const std::string& point) {
  const auto at = mounts_.find(point);
  if (at == mounts_.end()) {
    throw Error(EINVAL, "NOTMOUNTED", quoted("couldn't unmount", point) + ": nothing is mounted there");
  }
  if (at->second->transactions > 0) {
    throw Error(EBUSY, "BUSY", quoted("couldn't unmount", point) + ": a transaction is open");
  }
  if (const int channels = at->second->channels; channels > 0) {
    throw Error(EBUSY, "BUSY",
                quoted("couldn't unmount", point) + ": " + std::to_string(channels) +
                    (channels == 1 ? " file is open" : " files are open"));
  }
  return at->second;
}

void MountTable::remove(const std::string& point) {
  const std::unique_lock lock(mutex_);
  idle(point)->close();
  mounts_.erase(point);
}

void MountTable::replace(const std::string& point, std::shared_ptr<Archive> archive, std::int64_t root_mtime_s) {
  const std::unique_lock lock(mutex_);
  std::shared_ptr<Mount>& mount = idle(point);
  auto next = std::make_shared<Mount>(point, std::move(archive), root_mtime_s, mount->device, mount->driver);
  mount->close();
  mount = std::move(next);
}

void MountTable::leave() const {
  for (const auto& mount : all()) mount->leave();
}

std::optional<Place> MountTable::find(std::string_view path) const {
  const std::size_t hidden = handler_prefix(path);
  const std::shared_lock lock(mutex_);
  // Of the mount points that sort at or before the path, the nearest one that holds it is the longest.
  for (auto at = mounts_.upper_bound(path); at != mounts_.begin();) {
    --at;
    const auto name = path_below_point(path, at->first);
    if (!name) continue;
    if (hidden >= at->first.size()) break;
    return Place{at->second, std::string(*name)};
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
