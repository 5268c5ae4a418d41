// SPDX-License-Identifier: MIT

#include "handler_mounts.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/handle.h"

#include "handler_channel.h"

namespace starlit {
namespace {

void end_thread(ClientData) noexcept {
  delete std::exchange(thread_handler_mounts, nullptr);
}

const std::shared_ptr<HandlerMount>* longest(const std::vector<std::shared_ptr<HandlerMount>>& mounts,
                                             std::string_view path) {
  const std::shared_ptr<HandlerMount>* best = nullptr;
  for (const auto& mount : mounts) {
    if (best != nullptr && mount->point.size() <= (*best)->point.size()) continue;
    if (path_below_point(path, mount->point)) best = &mount;
  }
  return best;
}

// Where the working directory is in a volume that goes, its path will be no absolute one, and Tcl writes where it
// must not when it meets that (Tcl_FSGetNormalizedPath()). So Tcl comes back to where the process is.
void leave(const std::vector<std::shared_ptr<HandlerMount>>& mounts, const HandlerMount& mount) {
  if (!mount.is_volume) return;
  const Obj path(Tcl_FSGetCwd(nullptr));
  if (!path) return;
  Tcl_DecrRefCount(path.get());  // it came with a count of its own
  const std::string_view text = string_of(path.get());
  const auto is_needed = [&](const auto& other) {
    return other.get() != &mount && other->is_volume && text.starts_with(other->point);
  };
  if (!text.starts_with(mount.point) || text.starts_with('/')) return;
  if (std::any_of(mounts.begin(), mounts.end(), is_needed)) return;
  const std::unique_ptr<char, Calls<std::free>> real(::getcwd(nullptr, 0));
  const Obj directory(from_host(real ? real.get() : "/"));
  Tcl_FSChdir(directory.get());
}

}  // namespace

std::optional<std::string_view> path_below_point(std::string_view path, std::string_view point) {
  if (!path.starts_with(point)) return std::nullopt;
  path.remove_prefix(point.size());
  if (path.empty() || point.ends_with('/')) return path;
  if (path.front() != '/') return std::nullopt;
  path.remove_prefix(1);
  return path;
}

// Paths may keep mounts for longer.
HandlerMounts::~HandlerMounts() {
  for (const auto& mount : mounts_) mount->interp = nullptr;
}

HandlerMounts& HandlerMounts::of_thread() {
  if (thread_handler_mounts == nullptr) {
    thread_handler_mounts = new HandlerMounts;
    Tcl_CreateThreadExitHandler(end_thread, nullptr);
  }
  return *thread_handler_mounts;
}

void HandlerMounts::add(HandlerMount mount) {
  mounts_.insert(mounts_.begin(), std::make_shared<HandlerMount>(std::move(mount)));
}

bool HandlerMounts::remove(std::string_view point, const Tcl_Interp* interp) {
  const auto at = std::find_if(mounts_.begin(), mounts_.end(), [&](const auto& mount) {
    return mount->point == point && mount->interp == interp;
  });
  if (at == mounts_.end()) return false;
  leave(mounts_, **at);
  mounts_.erase(at);
  return true;
}

void HandlerMounts::forget(const Tcl_Interp* interp) {
  const auto is_its = [&](const auto& mount) { return mount->interp == interp; };
  for (auto at = mounts_.begin(); (at = std::find_if(at, mounts_.end(), is_its)) != mounts_.end();) {
    leave(mounts_, **at);
    (*at)->interp = nullptr;
    at = mounts_.erase(at);
  }
  forget_interpreter_of_channels(interp);
}

std::optional<HandlerPlace> HandlerMounts::find(std::string_view path) const {
  const auto* mount = longest(mounts_, path);
  if (mount == nullptr) return std::nullopt;
  return HandlerPlace{*mount, std::string(*path_below_point(path, (*mount)->point))};
}

const HandlerMount* HandlerMounts::at(std::string_view point) const {
  const auto is_it = [&](const auto& mount) { return mount->point == point; };
  const auto at = std::find_if(mounts_.begin(), mounts_.end(), is_it);
  return at == mounts_.end() ? nullptr : at->get();
}

std::size_t find_handler_prefix(std::string_view path) noexcept {
  const auto* mount = longest(thread_handler_mounts->all(), path);
  return mount == nullptr ? 0 : (*mount)->point.size();
}

}  // namespace starlit
