// SPDX-License-Identifier: MIT

#include "jail/reporter.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "base/error.h"

// long starlit_gate_call(long number, long a, long b, long c, long d, long e, long f)
#if defined(__x86_64__)
asm(R"(
    .text
    .type starlit_gate_call, @function
starlit_gate_call:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    mov %r9, %r8
    mov 8(%rsp), %r9
    syscall
starlit_gate:
    ret
    .size starlit_gate_call, . - starlit_gate_call
)");
#elif defined(__aarch64__)
asm(R"(
    .text
    .type starlit_gate_call, %function
starlit_gate_call:
    mov x8, x0
    mov x0, x1
    mov x1, x2
    mov x2, x3
    mov x3, x4
    mov x4, x5
    mov x5, x6
    svc #0
starlit_gate:
    ret
    .size starlit_gate_call, . - starlit_gate_call
)");
#endif
extern "C" long starlit_gate_call(long number, long a, long b, long c, long d, long e, long f);
// Hidden: by way of the global offset table arm64's linker finds the start of the section (GNU ld 2.40).
extern "C" const char starlit_gate[] __attribute__((visibility("hidden")));

namespace starlit::jail {
namespace {

// Of the one reporter of the process; set before the filter is there.
struct State {
  Report* report = nullptr;
  Promises granted = 0;
  int error_fd = -1;
  bool is_learning = false;
};
State state;
LandlockLimits landlock;

thread_local volatile Promises last_denial = 0;
thread_local volatile bool is_untold = false;

// A line put together without allocating.
class Line {
 public:
  void add(std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), sizeof bytes_ - size_);
    std::memcpy(bytes_ + size_, text.data(), size);
    size_ += size;
  }
  void add(unsigned number) noexcept {
    char digits[10];
    std::size_t at = sizeof digits;
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    add(std::string_view(digits + at, sizeof digits - at));
  }
  void write(int fd) const noexcept { [[maybe_unused]] const ssize_t n = ::write(fd, bytes_, size_); }

 private:
  char bytes_[400];
  std::size_t size_ = 0;
};

std::string_view verb_of(Promises missing) noexcept {
  if ((missing & kCpath) != 0) return "make a file";
  if ((missing & kWpath) != 0) return "write to a file";
  if ((missing & kRpath) != 0) return "look at a file";
  if ((missing & kInetClient) != 0) return "use the network";
  if ((missing & kUnix) != 0) return "use a socket";
  if ((missing & kExec) != 0) return "run a program";
  if ((missing & kProc) != 0) return "start a process";
  return "make a system call";
}

void tell(int call, const std::optional<Lack>& lack) noexcept {
  Line line;
  line.add("safekit: denied: the kit tried to ");
  if (lack) {
    line.add(lack->verb.empty() ? verb_of(lack->promises) : lack->verb);
    line.add(" (");
    line.add(lack->call);
    const bool is_own = (lack->promises & state.report->left_out.load()) != 0;
    line.add(is_own ? "); its own safekit.promises leaves out " : "); to allow it: --allow ");
    bool is_first = true;
    struct Names {
      Line& line;
      bool& is_first;
    } names{line, is_first};
    for_each_name(
        lack->promises,
        [](void* data, std::string_view name) {
          auto* to = static_cast<Names*>(data);
          if (!to->is_first) to->line.add(",");
          to->line.add(name);
          to->is_first = false;
        },
        &names);
  } else {
    line.add("make the system call ");
    const std::string_view name = call_name(call);
    if (name.empty()) {
      line.add(static_cast<unsigned>(call));
    } else {
      line.add(name);
    }
    line.add(", which nothing allows");
  }
  line.add("\n");
  line.write(state.error_fd);
}

// What getaddrinfo(3) tries by itself, and does without: netlink for the machine's addresses, and UDP, which does not
// ask anybody (that one does not block), to sort an answer's.
bool is_probe(int call, const Arguments& arguments) noexcept {
  if (call != SYS_socket) return false;
  return (arguments[0] & 0xffffffff) == AF_NETLINK || (arguments[1] & 0xffffffff) == (SOCK_DGRAM | SOCK_CLOEXEC);
}

// Each kind once.
enum LandlockKind : unsigned { kReadKind, kWriteKind, kConnectKind, kBindKind };
void tell_landlock(LandlockKind kind, const std::string& text) {
  static std::atomic<unsigned> told = 0;
  last_denial = kLandlockDenial;
  if ((told.fetch_or(1u << kind) & 1u << kind) != 0) return;
  state.report->kinds.fetch_add(1);
  if (state.error_fd < 0) return;
  Line line;
  line.add("safekit: denied: the kit tried to ");
  line.add(text);
  line.add("\n");
  line.write(state.error_fd);
}

// Whether the filter lets this call through, so that it was not the filter.
bool is_let_through(int call, const Arguments& arguments) noexcept {
  const auto lack = lack_of(call, arguments, state.granted, static_cast<int>(::getpid()));
  return lack && lack->promises == 0;
}

// Whether permissions would allow it: access(2) is not Landlock's matter.
bool is_permitted(const std::string& path, int flags) {
  const int access = flags & O_ACCMODE;
  const int wanted = access == O_RDONLY ? R_OK : access == O_WRONLY ? W_OK : R_OK | W_OK;
  if (::access(path.c_str(), wanted) == 0) return true;
  if (errno != ENOENT || (flags & O_CREAT) == 0) return false;
  const auto slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return ::access(directory.c_str(), W_OK | X_OK) == 0;
}

void remember(std::uint64_t need) noexcept {
  for (auto& place : state.report->needs) {
    std::uint64_t found = 0;
    if (place.compare_exchange_strong(found, need) || found == need) return;
  }
}

// A child in its parent's memory would come back into what the parent has left of this handler's stack, or by a stack
// that is not this one. Such a call, as vfork(2) makes it, makes a child with a copy instead; it ends or becomes another
// program all the same. Returns the call to make.
long without_shared_memory(int call, Arguments& arguments) noexcept {
#ifdef SYS_vfork
  if (call == SYS_vfork) return SYS_fork;
#endif
  if (call == SYS_clone && (arguments[0] & (CLONE_VM | CLONE_THREAD)) == CLONE_VM) {
    arguments[0] &= ~std::uint64_t{CLONE_VM | CLONE_VFORK | CLONE_SIGHAND};
    arguments[1] = 0;
  }
  return call;
}

void handle(int, siginfo_t* info, void* context) noexcept {
  const int saved = errno;
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext;
  const int call = info->si_syscall;
#if defined(__x86_64__)
  const auto value = [&](int which) { return static_cast<std::uint64_t>(registers.gregs[which]); };
  const Arguments arguments = {value(REG_RDI), value(REG_RSI), value(REG_RDX),
                               value(REG_R10), value(REG_R8),  value(REG_R9)};
  auto& result = registers.gregs[REG_RAX];
  auto& stack = registers.gregs[REG_RSP];
#elif defined(__aarch64__)
  const Arguments arguments = {registers.regs[0], registers.regs[1], registers.regs[2],
                               registers.regs[3], registers.regs[4], registers.regs[5]};
  auto& result = registers.regs[0];
  auto& stack = registers.sp;
#endif
  const auto lack = lack_of(call, arguments, state.granted, static_cast<int>(::getpid()));
  const Promises missing = lack ? lack->promises : 1U << 31;
  const bool is_told = !is_untold && !is_probe(call, arguments);
  if (is_told && call >= 0 && static_cast<std::size_t>(call) < state.report->seen.size()) {
    const std::uint32_t before = state.report->seen[static_cast<std::size_t>(call)].fetch_or(missing);
    if ((before & missing) != missing) {
      state.report->kinds.fetch_add(1);
      if (lack) {
        state.report->lacking.fetch_or(missing);
      } else {
        state.report->hopeless.fetch_add(1);
      }
      if (state.error_fd >= 0 && !state.is_learning) tell(call, lack);
    }
  }
  if (state.is_learning && is_told && lack) remember(needs_of(call, arguments, static_cast<int>(::getpid())));
  // A probe is answered as the jail would, so that nothing is learned of what follows its success.
  if (state.is_learning && is_told) {
    Arguments made = arguments;
    const long number = without_shared_memory(call, made);
    const auto word = [&](std::size_t at) { return static_cast<long>(made[at]); };
    const long answer = starlit_gate_call(number, word(0), word(1), word(2), word(3), word(4), word(5));
    result = static_cast<std::remove_reference_t<decltype(result)>>(answer);
    // A child whose stack it took goes on there.
    if (answer == 0 && made[1] != arguments[1]) {
      stack = static_cast<std::remove_reference_t<decltype(stack)>>(arguments[1]);
    }
  } else {
    if (is_told) last_denial = lack ? missing : ~0u;
    result = static_cast<std::remove_reference_t<decltype(result)>>(-EACCES);
  }
  errno = saved;
}

}  // namespace

Report* make_report() {
  void* memory = ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw posix_error("couldn't share", "the report");
  return new (memory) Report{};
}

void start_reporter(Report* report, Promises granted, int error_fd, bool is_learning) {
  state = {report, granted, error_fd, is_learning};
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
  // Where the caller has blocked it, the first denial would be the end: seccomp(2).
  sigset_t own;
  ::sigemptyset(&own);
  ::sigaddset(&own, SIGSYS);
  if (::sigaction(SIGSYS, &action, nullptr) != 0 || ::sigprocmask(SIG_UNBLOCK, &own, nullptr) != 0) {
    throw posix_error("couldn't handle", "SIGSYS");
  }
}

void start_landlock_reporter(LandlockLimits limits) { landlock = std::move(limits); }

void explain_open(const char* path, int flags) noexcept {
  if (!landlock.are_files_limited || is_untold || (state.granted & kRpath) == 0) return;
  const int saved = errno;
  try {
    if (is_let_through(SYS_openat, {0, 0, static_cast<unsigned>(flags)}) && is_permitted(path, flags)) {
      if ((flags & O_ACCMODE) == O_RDONLY) {
        tell_landlock(kReadKind,
                      std::string("read what it was not shown; to allow it, name it by --ro-bind: ") + path);
      } else {
        tell_landlock(kWriteKind,
                      std::string("write what it was not shown; to allow it, name it by --bind: ") + path);
      }
    }
  } catch (const std::exception&) {
    // Without memory the call has failed all the same.
  }
  errno = saved;
}

void explain_address(int socket, const sockaddr* address, bool is_server) noexcept {
  const auto& ports = is_server ? landlock.bind_ports : landlock.connect_ports;
  if (!ports || is_untold || (address->sa_family != AF_INET && address->sa_family != AF_INET6)) return;
  const int saved = errno;
  int type = 0;
  socklen_t size = sizeof type;
  // The port lies at the same place in both.
  const std::uint16_t port = ntohs(reinterpret_cast<const sockaddr_in*>(address)->sin_port);
  try {
    if (is_let_through(is_server ? SYS_bind : SYS_connect, {}) &&
        ::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
        std::find(ports->begin(), ports->end(), port) == ports->end()) {
      const std::string number = std::to_string(port);
      if (!is_server) {
        tell_landlock(kConnectKind, "connect to port " + number + "; to allow it: --connect-tcp " + number);
      } else if ((state.granted & kInetServer) != 0) {
        tell_landlock(kBindKind, "take port " + number + "; to allow it: --bind-tcp " + number);
      } else {
        // The filter cannot tell a client's port, any that is free, from a server's.
        last_denial = kInetServer;
        if ((state.report->lacking.fetch_or(kInetServer) & kInetServer) == 0) {
          state.report->kinds.fetch_add(1);
          if (state.error_fd >= 0) tell(SYS_bind, Lack{kInetServer, "bind", "take an address"});
        }
      }
    }
  } catch (const std::exception&) {
    // Without memory the call has failed all the same.
  }
  errno = saved;
}

Untold::Untold() noexcept : before_(is_untold) { is_untold = true; }
Untold::~Untold() { is_untold = before_; }

const void* gate_address() noexcept { return starlit_gate; }

Promises take_denial() noexcept {
  const Promises denial = last_denial;
  last_denial = 0;
  return denial;
}

}  // namespace starlit::jail
