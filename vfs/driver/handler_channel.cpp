// SPDX-License-Identifier: MIT

#include "handler_channel.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "channel.h"
#include "handler_filesystem.h"
#include "place.h"

namespace starlit {
namespace {

// Handlers that answer with channels of each other make chains, and each link takes some of the C stack.
constexpr int kLongestChain = 50;

constexpr const char* kSettings[] = {"-encoding", "-translation", "-eofchar", "-buffering", "-buffersize"};

void copy_settings(Tcl_Channel from, Tcl_Channel to) {
  for (const char* name : kSettings) {
    Tcl_DString value;
    Tcl_DStringInit(&value);
    if (Tcl_GetChannelOption(nullptr, from, name, &value) == TCL_OK) {
      Tcl_SetChannelOption(nullptr, to, name, Tcl_DStringValue(&value));
    }
    Tcl_DStringFree(&value);
  }
}

int last_error() noexcept { return Tcl_GetErrno() != 0 ? Tcl_GetErrno() : EINVAL; }

// A channel that is kept open while this lives.
class Held {
 public:
  explicit Held(Tcl_Channel channel) noexcept : channel_(channel) { Tcl_RegisterChannel(nullptr, channel_); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { release(); }

  // Closes it where nobody else holds it. 0 or an errno.
  int release() noexcept {
    if (channel_ == nullptr) return 0;
    Tcl_SetErrno(0);
    return Tcl_UnregisterChannel(nullptr, std::exchange(channel_, nullptr)) == TCL_OK ? 0 : last_error();
  }

  Tcl_Channel get() const noexcept { return channel_; }

 private:
  Tcl_Channel channel_;
};

bool is_standard(Tcl_Channel channel) {
  for (const int type : {TCL_STDIN, TCL_STDOUT, TCL_STDERR}) {
    if (Tcl_GetStdChannel(type) == channel) return true;
  }
  return false;
}

}  // namespace

class HandlerChannel : public std::enable_shared_from_this<HandlerChannel> {
 public:
  HandlerChannel(Tcl_Channel inner, HandlerPlace place, Obj close_command, bool for_writing, int links)
      : writes(for_writing), chain(links), inner_(inner), place_(std::move(place)), interp_(place_.mount->interp),
        close_command_(std::move(close_command)) {
    HandlerMounts::of_thread().channels.push_back(this);
  }
  HandlerChannel(const HandlerChannel&) = delete;
  HandlerChannel& operator=(const HandlerChannel&) = delete;
  ~HandlerChannel() {
    if (thread_handler_mounts != nullptr) std::erase(thread_handler_mounts->channels, this);
  }

  Tcl_Channel outer = nullptr;  // Tcl's, in front
  const bool writes;            // opened for it; the handler's channel may do so in any case
  const int chain;              // how many of this type are one behind the other

  // The top of what may be a stack; null when it has been given back.
  Tcl_Channel inner() const noexcept { return inner_.get() == nullptr ? nullptr : Tcl_GetTopChannel(inner_.get()); }
  void forget(const Tcl_Interp* interp) noexcept {
    if (interp_ == interp) interp_ = nullptr;
  }

  void watch(int mask) noexcept {
    if (inner() == nullptr) return;
    Tcl_DeleteChannelHandler(inner(), notify, this);
    if (mask != 0) Tcl_CreateChannelHandler(inner(), mask, notify, this);
  }

  // Runs the close command, once, and gives the handler's channel back. What failed first, or an answer that is ok.
  HandlerAnswer finish();

 private:
  static void notify(ClientData data, int mask) noexcept {
    Tcl_NotifyChannel(static_cast<HandlerChannel*>(data)->outer, mask);
  }
  HandlerAnswer run_close_command();

  Held inner_;
  const HandlerPlace place_;
  Tcl_Interp* interp_;  // the handler's
  const Obj close_command_;
  bool is_finished_ = false;
};

HandlerAnswer HandlerChannel::run_close_command() {
  if (!close_command_) return {true, {}, {}, 0};
  if (interp_ == nullptr || Tcl_InterpDeleted(interp_)) return {false, {}, {}, EIO};
  copy_settings(outer, inner());
  // A script may have closed it there, which has not closed it.
  const Tcl_Channel channel = inner_.get();
  if (Tcl_GetChannel(interp_, Tcl_GetChannelName(channel), nullptr) == nullptr) Tcl_RegisterChannel(interp_, channel);
  return run_in_handler(interp_, close_command_.get(), PlainErrors::kInternal);
}

HandlerAnswer HandlerChannel::finish() {
  if (std::exchange(is_finished_, true)) return {true, {}, {}, 0};
  watch(0);
  Tcl_SetChannelOption(nullptr, inner(), "-blocking", "1");
  int error = 0;
  if ((Tcl_GetChannelMode(inner()) & TCL_WRITABLE) != 0 && Tcl_Flush(inner()) != TCL_OK) error = last_error();
  HandlerAnswer answer = run_close_command();
  const Tcl_Channel channel = inner_.get();
  const bool is_there = interp_ != nullptr && Tcl_IsChannelRegistered(interp_, channel) != 0;
  if (is_there && !is_standard(channel)) Tcl_UnregisterChannel(interp_, channel);
  const int close_error = inner_.release();
  if (answer.is_ok && (error != 0 || close_error != 0)) answer = {false, {}, {}, error != 0 ? error : close_error};
  return answer;
}

namespace {

using Shared = std::shared_ptr<HandlerChannel>;

void close_later(ClientData outer) noexcept { Tcl_UnregisterChannel(nullptr, static_cast<Tcl_Channel>(outer)); }

// The two channels while an operation on them runs. A script behind the handler's may close both. Ours is then closed
// as soon as there are events: Tcl goes on with it, and does not expect to have lost it. Where Tcl closes it itself,
// or nobody can, nobody has registered it.
struct Busy {
  explicit Busy(ClientData data) : channel(*static_cast<Shared*>(data)), outer(channel->outer) {
    if (channel->inner() != nullptr) held.emplace(channel->inner());
    if (outer == nullptr) return;
    Tcl_RegisterChannel(nullptr, outer);
    is_registered = Tcl_IsChannelShared(outer) != 0;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    held.reset();
    if (outer == nullptr) return;
    if (is_registered && Tcl_IsChannelShared(outer) == 0) {
      Tcl_CreateTimerHandler(0, close_later, outer);
    } else if (Tcl_IsStandardChannel(outer) != 0) {
      Tcl_UnregisterChannel(nullptr, outer);
    } else {
      Tcl_DetachChannel(nullptr, outer);
    }
  }

  // Null when the handler's channel has been given back.
  Tcl_Channel inner() const noexcept { return held ? Tcl_GetTopChannel(held->get()) : nullptr; }

  // What the failed operation on it says goes to ours. Tcl looks at *error after a success, too.
  int fail(int* error) const noexcept {
    *error = inner() == nullptr ? EBADF : last_error();
    if (inner() == nullptr) return -1;
    Tcl_Obj* message = nullptr;
    Tcl_GetChannelError(inner(), &message);
    if (message != nullptr && channel->outer != nullptr) {
      const Obj words(message);
      Tcl_DecrRefCount(message);  // it came with a count of its own
      Tcl_SetChannelError(channel->outer, message);
    }
    return -1;
  }

  Shared channel;
  Tcl_Channel outer;
  bool is_registered = false;
  std::optional<Held> held;
};

// Where the command `close` finds the message.
void report(Tcl_Interp* interp, const HandlerAnswer& answer) {
  if (interp == nullptr || answer.posix != 0 || !answer.result) return;
  Tcl_Obj* words[] = {new_string("-code"), Tcl_NewIntObj(TCL_ERROR), new_string("-errorcode"),
                      answer.error_code ? answer.error_code.get() : new_string("NONE"), answer.result.get()};
  Tcl_SetChannelErrorInterp(interp, Tcl_NewListObj(5, words));
}

int close_channel(ClientData data, Tcl_Interp* interp) noexcept {
  const std::unique_ptr<Shared> owner(static_cast<Shared*>(data));
  try {
    HandlerChannel& channel = **owner;
    const auto answer = channel.finish();
    channel.outer = nullptr;
    if (answer.is_ok || !channel.writes) return 0;
    report(interp, answer);
    const int error = errno_of(answer, EIO);
    if (thread_handler_mounts != nullptr) thread_handler_mounts->close_error = error;
    return error;
  } catch (const std::exception&) {
    return ENOMEM;
  }
}

int close_channel2(ClientData data, Tcl_Interp* interp, int flags) noexcept {
  return (flags & (TCL_CLOSE_READ | TCL_CLOSE_WRITE)) == 0 ? close_channel(data, interp) : EINVAL;
}

int input(ClientData data, char* buffer, int size, int* error) noexcept {
  const Busy busy(data);
  const Tcl_Channel inner = busy.inner();
  if (inner == nullptr) return busy.fail(error);
  // What the handler has read ahead comes first.
  const int ahead = Tcl_InputBuffered(inner);
  const int got = ahead > 0 ? Tcl_Read(inner, buffer, std::min(ahead, size)) : Tcl_ReadRaw(inner, buffer, size);
  return got < 0 ? busy.fail(error) : got;
}

int output(ClientData data, const char* buffer, int size, int* error) noexcept {
  const Busy busy(data);
  if (busy.inner() == nullptr) return busy.fail(error);
  const int done = Tcl_WriteRaw(busy.inner(), buffer, size);
  return done < 0 ? busy.fail(error) : done;
}

Tcl_WideInt wide_seek(ClientData data, Tcl_WideInt offset, int whence, int* error) noexcept {
  const Busy busy(data);
  if (busy.inner() == nullptr) return busy.fail(error);
  const Tcl_WideInt position = Tcl_Seek(busy.inner(), offset, whence);
  return position < 0 ? busy.fail(error) : position;
}

int seek(ClientData data, long offset, int whence, int* error) noexcept {
  const Tcl_WideInt position = wide_seek(data, offset, whence, error);
  if (position <= INT32_MAX) return static_cast<int>(position);
  *error = EOVERFLOW;
  return -1;
}

int truncate(ClientData data, Tcl_WideInt size) noexcept {
  const Busy busy(data);
  if (busy.inner() == nullptr) return EBADF;
  return Tcl_TruncateChannel(busy.inner(), size) == TCL_OK ? 0 : last_error();
}

int set_option(ClientData data, Tcl_Interp* interp, const char* name, const char* value) noexcept {
  const Busy busy(data);
  const Tcl_Channel inner = busy.inner();
  auto* const proc = inner == nullptr ? nullptr : Tcl_ChannelSetOptionProc(Tcl_GetChannelType(inner));
  if (proc == nullptr) return Tcl_BadChannelOption(interp, name, "");
  return proc(Tcl_GetChannelInstanceData(inner), interp, name, value);
}

int get_option(ClientData data, Tcl_Interp* interp, const char* name, Tcl_DString* value) noexcept {
  const Busy busy(data);
  const Tcl_Channel inner = busy.inner();
  auto* const proc = inner == nullptr ? nullptr : Tcl_ChannelGetOptionProc(Tcl_GetChannelType(inner));
  if (proc == nullptr) return name == nullptr ? TCL_OK : Tcl_BadChannelOption(interp, name, "");
  return proc(Tcl_GetChannelInstanceData(inner), interp, name, value);
}

void watch(ClientData data, int mask) noexcept {
  const Busy busy(data);
  busy.channel->watch(mask & (TCL_READABLE | TCL_WRITABLE));
}

int get_handle(ClientData data, int direction, ClientData* handle) noexcept {
  const Busy busy(data);
  return busy.inner() == nullptr ? TCL_ERROR : Tcl_GetChannelHandle(busy.inner(), direction, handle);
}

int block_mode(ClientData data, int mode) noexcept {
  const Busy busy(data);
  if (busy.inner() == nullptr) return EBADF;
  const char* value = mode == TCL_MODE_BLOCKING ? "1" : "0";
  return Tcl_SetChannelOption(nullptr, busy.inner(), "-blocking", value) == TCL_OK ? 0 : EINVAL;
}

const Tcl_ChannelType kType = {
    "vfs", TCL_CHANNEL_VERSION_5, close_channel, input,      output,  seek,    set_option,
    get_option, watch,            get_handle,    close_channel2, block_mode, nullptr, nullptr,
    wide_seek, nullptr,           truncate,
};

HandlerChannel* handler_channel(Tcl_Channel channel) {
  if (Tcl_GetChannelType(channel) != &kType) return nullptr;
  return static_cast<Shared*>(Tcl_GetChannelInstanceData(channel))->get();
}

int chain_of(Tcl_Channel top) {
  int chain = 0;
  for (Tcl_Channel each = top; each != nullptr; each = Tcl_GetStackedChannel(each)) {
    if (const HandlerChannel* channel = handler_channel(each)) chain = std::max(chain, channel->chain + 1);
  }
  return chain;
}

Tcl_Channel make_channel(Tcl_Channel inner, const HandlerPlace& place, Obj close_command, bool for_writing) {
  const int directions = Tcl_GetChannelMode(inner) & (TCL_READABLE | TCL_WRITABLE);
  if ((directions & TCL_WRITABLE) != 0) Tcl_Flush(inner);
  auto owner = std::make_unique<Shared>(
      std::make_shared<HandlerChannel>(inner, place, std::move(close_command), for_writing, chain_of(inner)));
  HandlerChannel& channel = **owner;
  char name[32];
  std::snprintf(name, sizeof name, "vfs%llx", static_cast<unsigned long long>(
                                                  reinterpret_cast<std::uintptr_t>(owner.get())));
  channel.outer = Tcl_CreateChannel(&kType, name, owner.release(), directions);
  copy_settings(inner, channel.outer);
  Tcl_SetChannelOption(nullptr, inner, "-translation", "binary");
  return channel.outer;
}

const char* mode_word(int mode) {
  const bool reads = (mode & O_ACCMODE) == O_RDWR;
  if ((mode & O_ACCMODE) == O_RDONLY) return "";
  return (mode & O_TRUNC) != 0 ? reads ? "w+" : "w" : reads ? "a+" : "a";
}

// What open(2) would say; 0 when the handler is to say it.
int check_existence(const HandlerPlace& place, Tcl_Obj* path, int mode) {
  const bool may_create = (mode & O_CREAT) != 0;
  const bool must_be_new = may_create && (mode & O_EXCL) != 0;
  if ((mode & O_ACCMODE) == O_RDONLY || (may_create && !must_be_new)) return 0;
  const auto answer = call_handler(place, path, "access", PlainErrors::kInternal, {Obj(Tcl_NewIntObj(0))});
  if (must_be_new) return answer.is_ok ? EEXIST : 0;
  return answer.is_ok ? 0 : errno_of(answer, ENOENT);
}

// From "at the end", as "a" and "a+" ask for, to "anywhere".
void allow_anywhere(Tcl_Channel channel) {
  ClientData handle = nullptr;
  if (const HandlerChannel* outer = handler_channel(channel); outer != nullptr && outer->inner() != nullptr) {
    allow_anywhere(outer->inner());
  } else if (!clear_append(channel) && Tcl_GetChannelHandle(channel, TCL_WRITABLE, &handle) == TCL_OK) {
    const int fd = static_cast<int>(reinterpret_cast<std::intptr_t>(handle));
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_APPEND) != 0) static_cast<void>(::fcntl(fd, F_SETFL, flags & ~O_APPEND));
  }
  Tcl_Seek(channel, 0, SEEK_SET);
}

// Tcl's channel for an answer, or null and why there is none.
Tcl_Channel accept_answer(const HandlerPlace& place, Tcl_Obj* answer, int mode, const char** fault) {
  Tcl_Size count = 0;
  Tcl_Obj** words = nullptr;
  *fault = "no {channel ?closeCommand?}";
  if (Tcl_ListObjGetElements(nullptr, answer, &count, &words) != TCL_OK || count < 1 || count > 2) return nullptr;
  Tcl_Interp* interp = place.mount->interp;
  if (interp == nullptr || Tcl_InterpDeleted(interp)) return nullptr;
  const Tcl_Channel inner = Tcl_GetChannel(interp, Tcl_GetString(words[0]), nullptr);
  *fault = "no channel";
  if (inner == nullptr) return nullptr;
  *fault = "a channel of too many others";
  if (chain_of(Tcl_GetTopChannel(inner)) > kLongestChain) return nullptr;
  const Tcl_Channel top = Tcl_GetTopChannel(inner);
  const bool for_writing = (mode & O_ACCMODE) != O_RDONLY;
  if (for_writing && (mode & (O_TRUNC | O_APPEND)) == 0 && !is_standard(inner)) allow_anywhere(top);
  return make_channel(top, place, count == 2 ? Obj(words[1]) : Obj(), for_writing);
}

}  // namespace

Tcl_Channel open_by_handler(Tcl_Interp* interp, Tcl_Obj* path, int mode, int permissions) noexcept {
  constexpr const char* kVerb = "couldn't open";
  try {
    const HandlerPlace place = place_of_handler(path);
    HandlerAnswer answer;
    answer.posix = check_existence(place, path, mode);
    if (answer.posix == 0) {
      answer = call_handler(place, path, "open", interp == nullptr ? PlainErrors::kInternal : PlainErrors::kToCaller,
                            {Obj(new_string(mode_word(mode))), Obj(Tcl_NewIntObj(permissions))});
    }
    if (answer.is_ok) {
      const char* fault = nullptr;
      if (const Tcl_Channel channel = accept_answer(place, answer.result.get(), mode, &fault)) return channel;
      answer = {false, refuse_answer(place, "open", fault), {}, 0};
    }
    hand_on(interp, answer, kVerb, path);
  } catch (const Error& error) {
    set_error(interp, error);
  } catch (const std::exception&) {
    Tcl_SetErrno(ENOMEM);
  }
  return nullptr;
}

void finish_handler_channels() noexcept {
  if (thread_handler_mounts == nullptr) return;
  // A close command may close others, and what it opens is its own affair.
  std::vector<Shared> channels;
  for (HandlerChannel* channel : thread_handler_mounts->channels) channels.push_back(channel->shared_from_this());
  for (const Shared& channel : channels) {
    if (channel->outer == nullptr) continue;
    if ((Tcl_GetChannelMode(channel->outer) & TCL_WRITABLE) != 0) Tcl_Flush(channel->outer);
    channel->finish();
  }
}

void forget_interpreter_of_channels(const Tcl_Interp* interp) noexcept {
  for (HandlerChannel* channel : thread_handler_mounts->channels) channel->forget(interp);
}

int take_close_error() noexcept {
  return thread_handler_mounts == nullptr ? 0 : std::exchange(thread_handler_mounts->close_error, 0);
}

}  // namespace starlit
