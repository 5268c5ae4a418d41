// SPDX-License-Identifier: MIT
//
// The channel driver's interface: Tcl_CreateChannel(3tcl).

#include "channel.h"

#include <fcntl.h>

#include <cstdint>
#include <cstdio>

#include "archive/sqlite.h"
#include "change.h"
#include "place.h"

namespace starlit {
namespace {

struct MemberChannel {
  std::shared_ptr<const Mount> mount;
  std::shared_ptr<OpenFile> file;
  int mode = O_RDONLY;
  std::int64_t position = 0;
  Tcl_Channel channel = nullptr;
  Tcl_TimerToken timer = nullptr;  // while an event handler waits: a file is always ready
  int watched = 0;

  ~MemberChannel() {
    stop_timer();
    file.reset();
    --mount->channels;
  }

  bool writes() const noexcept { return (mode & O_ACCMODE) != O_RDONLY; }

  void stop_timer() noexcept {
    if (timer != nullptr) Tcl_DeleteTimerHandler(timer);
    timer = nullptr;
  }
};

MemberChannel* self(ClientData data) noexcept { return static_cast<MemberChannel*>(data); }

// Puts a failure where the command `close`, or whatever closes the channel, finds it.
void report(Tcl_Interp* interp, const Error& error) noexcept {
  if (interp == nullptr || error.code().empty()) return;
  Tcl_Obj* words[] = {new_string("-code"), Tcl_NewIntObj(TCL_ERROR), new_string("-errorcode"),
                      Tcl_NewListObj(0, nullptr), new_string(error.text())};
  Tcl_ListObjAppendElement(nullptr, words[3], new_string("STARLIT"));
  Tcl_ListObjAppendElement(nullptr, words[3], new_string(error.code()));
  Tcl_SetChannelErrorInterp(interp, Tcl_NewListObj(5, words));
}

int close_channel(ClientData data, Tcl_Interp* interp) noexcept {
  const std::unique_ptr<MemberChannel> channel(self(data));
  if (!channel->writes()) return 0;
  try {
    channel->file->close_writer();
    return 0;
  } catch (const Error& error) {
    report(interp, error);
    return error.posix();
  } catch (const std::exception&) {
    return ENOMEM;
  }
}

int close_channel2(ClientData data, Tcl_Interp* interp, int flags) noexcept {
  return (flags & (TCL_CLOSE_READ | TCL_CLOSE_WRITE)) == 0 ? close_channel(data, interp) : EINVAL;
}

int input(ClientData data, char* buffer, int size, int* error) noexcept {
  MemberChannel* channel = self(data);
  try {
    const std::size_t done = channel->file->read(
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

int output(ClientData data, const char* buffer, int size, int* error) noexcept {
  MemberChannel* channel = self(data);
  try {
    const Bytes bytes(reinterpret_cast<const std::byte*>(buffer), static_cast<std::size_t>(size));
    if ((channel->mode & O_APPEND) != 0) {
      channel->file->append(bytes);
      channel->position = channel->file->size_bytes();
    } else {
      channel->file->write(channel->position, bytes);
      channel->position += size;
    }
    return size;
  } catch (const Error& failure) {
    *error = failure.posix();
  } catch (const std::exception&) {
    *error = ENOMEM;
  }
  return -1;
}

int truncate(ClientData data, Tcl_WideInt size) noexcept {
  try {
    self(data)->file->truncate(size);
    return 0;
  } catch (const Error& failure) {
    return failure.posix();
  } catch (const std::exception&) {
    return ENOMEM;
  }
}

Tcl_WideInt wide_seek(ClientData data, Tcl_WideInt offset, int whence, int* error) noexcept {
  MemberChannel* channel = self(data);
  std::int64_t base = 0;
  if (whence == SEEK_CUR) base = channel->position;
  if (whence == SEEK_END) base = channel->file->size_bytes();
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
  Tcl_NotifyChannel(self(data)->channel, self(data)->watched);
}

void watch(ClientData data, int mask) noexcept {
  MemberChannel* channel = self(data);
  channel->stop_timer();
  channel->watched = mask & (TCL_READABLE | TCL_WRITABLE);
  if (channel->watched != 0) channel->timer = Tcl_CreateTimerHandler(0, ready, data);
}

int get_handle(ClientData, int, ClientData*) noexcept { return TCL_ERROR; }

// Nothing ever waits, so blocking or not is the same.
int block_mode(ClientData, int) noexcept { return 0; }

void thread_action(ClientData data, int action) noexcept {
  if (action == TCL_CHANNEL_THREAD_REMOVE) self(data)->stop_timer();
}

const Tcl_ChannelType kType = {
    "sqlar", TCL_CHANNEL_VERSION_5, close_channel, input,   output,    seek,          nullptr,
    nullptr, watch,                 get_handle,    close_channel2,  block_mode, nullptr, nullptr,
    wide_seek, thread_action, truncate,
};

}  // namespace

Tcl_Channel open_member_channel(std::shared_ptr<const Mount> mount, std::shared_ptr<OpenFile> file, int mode) {
  auto channel = std::make_unique<MemberChannel>();
  channel->mount = std::move(mount);
  ++channel->mount->channels;
  channel->file = std::move(file);
  channel->mode = mode;
  char name[32];
  // Scripts know the channels of files by this beginning; the host's go on with a descriptor's decimal number.
  std::snprintf(name, sizeof name, "file%llx", static_cast<unsigned long long>(
                                                   reinterpret_cast<std::uintptr_t>(channel.get())));
  const int access = mode & O_ACCMODE;
  const int directions = access == O_RDONLY ? TCL_READABLE : access == O_WRONLY ? TCL_WRITABLE : TCL_READABLE | TCL_WRITABLE;
  channel->channel = Tcl_CreateChannel(&kType, name, channel.get(), directions);
  return channel.release()->channel;
}

bool clear_append(Tcl_Channel channel) noexcept {
  if (Tcl_GetChannelType(channel) != &kType) return false;
  self(Tcl_GetChannelInstanceData(channel))->mode &= ~O_APPEND;
  return true;
}

Tcl_Channel open_path(Tcl_Interp* interp, Tcl_Obj* path, int mode, int permissions) noexcept {
  Tcl_Channel channel = nullptr;
  std::optional<Error> told;
  bool is_invalid = false;
  const int result = answer([&] {
    const Place* place = place_of(path);
    is_invalid = place->name.find('\0') != std::string::npos;
    if (is_invalid) return ENOENT;
    const auto session = place->mount->session();
    // The usual case first: a file of this name.
    if (!session->is_writable() && (mode & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY) {
      if (auto file = session->open_here(place->name)) {
        channel = open_member_channel(place->mount, std::move(file), mode);
        return 0;
      }
    }
    // What is to be new is not made through a link.
    const bool must_be_new = (mode & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    if (must_be_new && session->is_writable() && session->find(place->name)) return EEXIST;
    const auto name = followed_name(*place, *session, (mode & O_CREAT) == 0);
    if (!name) return missing(*place, *session);
    try {
      channel = open_member_channel(place->mount, session->open(*name, mode, new_permissions(permissions)), mode);
    } catch (const Error& error) {
      if (!error.code().empty()) told = error;
      throw;
    }
    return 0;
  });
  if (result == 0) return channel;
  if (interp != nullptr && told) {
    set_error(interp, *told);
  } else if (interp != nullptr && is_invalid) {
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("couldn't open \"%s\": filename is invalid on this platform",
                                           Tcl_GetString(path)));
  } else if (interp != nullptr) {
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("couldn't open \"%s\": %s", Tcl_GetString(path), Tcl_PosixError(interp)));
  }
  return nullptr;
}

Tcl_Channel open_temporary(const Place& directory, std::string_view root, std::string_view extension, Obj& path) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  const auto session = directory.mount->session();
  for (int tries = 0;; ++tries) {
    unsigned char random[6];
    sqlite3_randomness(sizeof random, random);
    std::string part = std::string(root) + "_";
    for (const unsigned char byte : random) part += kLetters[byte % kLetters.size()];
    part += extension;
    const std::string name = join_name(directory.name, part);
    try {
      auto file = session->open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
      const std::string below = utf8_to_tcl(name);
      path = Obj(new_string(directory.mount->point == "/" ? "/" + below : directory.mount->point + "/" + below));
      return open_member_channel(directory.mount, std::move(file), O_RDWR);
    } catch (const Error& error) {
      if (error.posix() != EEXIST || tries > 100) throw;
    }
  }
}

}  // namespace starlit
