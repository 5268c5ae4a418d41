// SPDX-License-Identifier: MIT
//
// The channel driver's interface: Tcl_CreateChannel(3tcl).

#include "channel.h"

#include <cstdint>
#include <cstdio>

namespace starlit {
namespace {

struct MemberChannel {
  std::shared_ptr<const Mount> mount;
  std::unique_ptr<MemberReader> reader;
  std::int64_t position = 0;
  Tcl_Channel channel = nullptr;
  Tcl_TimerToken timer = nullptr;  // while an event handler waits: a member is always readable

  ~MemberChannel() {
    stop_timer();
    reader.reset();
    --mount->channels;
  }

  void stop_timer() noexcept {
    if (timer != nullptr) Tcl_DeleteTimerHandler(timer);
    timer = nullptr;
  }
};

MemberChannel* self(ClientData data) noexcept { return static_cast<MemberChannel*>(data); }

int close_channel(ClientData data, Tcl_Interp*) noexcept {
  delete self(data);
  return 0;
}

int close_channel2(ClientData data, Tcl_Interp* interp, int flags) noexcept {
  return (flags & (TCL_CLOSE_READ | TCL_CLOSE_WRITE)) == 0 ? close_channel(data, interp) : EINVAL;
}

int input(ClientData data, char* buffer, int size, int* error) noexcept {
  MemberChannel* channel = self(data);
  try {
    const std::size_t done = channel->reader->read(
        channel->position, {reinterpret_cast<std::byte*>(buffer), static_cast<std::size_t>(size)});
    channel->position += static_cast<std::int64_t>(done);
    return static_cast<int>(done);
  } catch (const Error& failure) {
    *error = failure.posix();
  } catch (const std::exception&) {
    *error = ENOMEM;
  }
  return -1;
}

int output(ClientData, const char*, int, int* error) noexcept {
  *error = EROFS;
  return -1;
}

Tcl_WideInt wide_seek(ClientData data, Tcl_WideInt offset, int whence, int* error) noexcept {
  MemberChannel* channel = self(data);
  std::int64_t base = 0;
  if (whence == SEEK_CUR) base = channel->position;
  if (whence == SEEK_END) base = channel->reader->size_bytes();
  std::int64_t position;
  if (__builtin_add_overflow(base, static_cast<std::int64_t>(offset), &position) || position < 0) {
    *error = EINVAL;
    return -1;
  }
  channel->position = position;
  return position;
}

// For callers of the old interface with 32-bit offsets.
int seek(ClientData data, long offset, int whence, int* error) noexcept {
  const std::int64_t before = self(data)->position;
  const Tcl_WideInt position = wide_seek(data, offset, whence, error);
  if (position > INT32_MAX) {
    self(data)->position = before;
    *error = EOVERFLOW;
    return -1;
  }
  return static_cast<int>(position);
}

void ready(ClientData data) noexcept {
  self(data)->timer = nullptr;
  Tcl_NotifyChannel(self(data)->channel, TCL_READABLE);
}

void watch(ClientData data, int mask) noexcept {
  MemberChannel* channel = self(data);
  channel->stop_timer();
  if ((mask & TCL_READABLE) != 0) channel->timer = Tcl_CreateTimerHandler(0, ready, data);
}

int get_handle(ClientData, int, ClientData*) noexcept { return TCL_ERROR; }

// Reading never waits, so blocking or not is the same.
int block_mode(ClientData, int) noexcept { return 0; }

void thread_action(ClientData data, int action) noexcept {
  if (action == TCL_CHANNEL_THREAD_REMOVE) self(data)->stop_timer();
}

const Tcl_ChannelType kType = {
    "sqlar", TCL_CHANNEL_VERSION_5, close_channel, input,   output,    seek,          nullptr,
    nullptr, watch,                 get_handle,    close_channel2,  block_mode, nullptr, nullptr,
    wide_seek, thread_action, nullptr,
};

}  // namespace

Tcl_Channel open_member_channel(std::shared_ptr<const Mount> mount, std::unique_ptr<MemberReader> reader) {
  auto channel = std::make_unique<MemberChannel>();
  channel->mount = std::move(mount);
  ++channel->mount->channels;
  channel->reader = std::move(reader);
  char name[32];
  std::snprintf(name, sizeof name, "sqlar%llx", static_cast<unsigned long long>(
                                                    reinterpret_cast<std::uintptr_t>(channel.get())));
  channel->channel = Tcl_CreateChannel(&kType, name, channel.get(), TCL_READABLE);
  return channel.release()->channel;
}

}  // namespace starlit
