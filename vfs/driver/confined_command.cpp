// SPDX-License-Identifier: MIT
//
// starlit::confined SECONDS BYTES SCRIPT  -> the script's result
//
// Evaluates a script that may meet its end: in a process of its own, a copy of this one, that may use so much more
// processor time and memory. A single command of Tcl can take hours (`expr {9**99999999}`), and a value that becomes too
// large ends the process; no limit of an interpreter helps against either. Nothing that the script does stays, but for
// its result, of 64 MB at most.
//
// An error of the script is this command's. A script that does not come to its end is {STARLIT CONFINED}.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "base/file.h"
#include "command_table.h"
#include "driver/commands.h"

namespace starlit {
namespace {

constexpr std::size_t kResultMax = 64 << 20;
constexpr std::int64_t kKilobyte = 1024;

// A script that has used no more than its processor time may have had to wait for it.
constexpr int kPatience = 5;

// What the child sends behind the result.
constexpr char kDone = 'd';
constexpr char kFailed = 'f';

void limit(int resource, std::int64_t most) {
  const struct rlimit both {static_cast<rlim_t>(most), static_cast<rlim_t>(most)};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

// What was waiting to be printed is the other process's, and what this one says when it is ended nobody's concern.
void silence() {
  const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (!nowhere || ::dup2(nowhere.get(), fd) < 0) ::close(fd);
  }
}

[[noreturn]] void evaluate(Tcl_Interp* interp, Tcl_Obj* script, const Fd& out) noexcept {
  const char ending = Tcl_EvalObjEx(interp, script, TCL_EVAL_GLOBAL) == TCL_OK ? kDone : kFailed;
  try {
    write_all(out, string_of(Tcl_GetObjResult(interp)), "");
    write_all(out, {&ending, 1}, "");
  } catch (const Error&) {
  }
  ::_exit(0);
}

// The other process, which is ended with its owner.
class Child {
 public:
  explicit Child(pid_t pid) noexcept : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }

 private:
  const pid_t pid_;
};

// All that comes until the end, or until it is too late or too much.
std::string read_until(const Fd& in, std::chrono::steady_clock::time_point end) {
  std::string text;
  char piece[65536];
  while (text.size() <= kResultMax) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    struct pollfd wait {in.get(), POLLIN, 0};
    const int ready = left > 0 ? ::poll(&wait, 1, static_cast<int>(left)) : 0;
    if (ready == 0 || Tcl_AsyncReady() != 0) break;
    const ssize_t size = ready > 0 ? ::read(in.get(), piece, sizeof piece) : -1;
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(piece, static_cast<std::size_t>(size));
  }
  return "";
}

Obj confined(Tcl_Interp* interp, Arguments arguments) {
  const auto seconds = std::clamp<std::int64_t>(wide_of(interp, arguments[0]), 1, 3600);
  const std::int64_t bytes = wide_of(interp, arguments[1]);
  struct rusage used {};
  ::getrusage(RUSAGE_SELF, &used);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw posix_error("couldn't make", "a pipe");
  const Fd in(ends[0]);
  Fd out(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) throw posix_error("couldn't make", "a process");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    silence();
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, seconds);
#ifndef __SANITIZE_ADDRESS__  // which has reserved more than any limit from the start
    limit(RLIMIT_DATA, used.ru_maxrss * kKilobyte + bytes);
#endif
    evaluate(interp, arguments[2], out);
  }
  const Child child(pid);
  out = Fd();
  std::string text = read_until(in, std::chrono::steady_clock::now() + std::chrono::seconds(seconds * kPatience));
  if (text.empty()) {
    throw Error(ENOMEM, "CONFINED", "couldn't evaluate a script: it takes more time or memory than it may");
  }
  const char ending = text.back();
  text.pop_back();
  Obj result(new_string(text));
  if (ending == kDone) return result;
  Tcl_SetObjResult(interp, result.get());
  throw TclError{};
}

constexpr CommandRow kCommands[] = {{"::starlit::confined", "seconds bytes script", 3, 3, confined}};

}  // namespace

void create_confined_command(Tcl_Interp* interp) { create_commands(interp, kCommands); }

}  // namespace starlit
