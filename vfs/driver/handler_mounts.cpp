// SPDX-License-Identifier: MIT

#include "handler_mounts.h"

#include <algorithm>

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
  mounts_.erase(at);
  return true;
}

void HandlerMounts::forget(const Tcl_Interp* interp) {
  for (const auto& mount : mounts_) {
    if (mount->interp == interp) mount->interp = nullptr;
  }
  std::erase_if(mounts_, [](const auto& mount) { return mount->interp == nullptr; });
  forget_interpreter_of_channels(interp);
}

std::optional<HandlerPlace> HandlerMounts::find(std::string_view path) const {
  const auto* mount = longest(mounts_, path);
  if (mount == nullptr) return std::nullopt;
  return HandlerPlace{*mount, std::string(*path_below_point(path, (*mount)->point))};
}

const HandlerMount* HandlerMounts::at(std::string_view point) const {
  const auto at = std::find_if(mounts_.begin(), mounts_.end(), [&](const auto& mount) { return mount->point == point; });
  return at == mounts_.end() ? nullptr : at->get();
}

std::size_t find_handler_prefix(std::string_view path) noexcept {
  const auto* mount = longest(thread_handler_mounts->all(), path);
  return mount == nullptr ? 0 : (*mount)->point.size();
}

}  // namespace starlit
