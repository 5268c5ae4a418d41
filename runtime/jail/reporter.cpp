// SPDX-License-Identifier: MIT

#include "jail/reporter.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstring>
#include <new>

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
extern "C" const char starlit_gate[];

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

void remember(std::uint64_t need) noexcept {
  for (auto& place : state.report->needs) {
    std::uint64_t found = 0;
    if (place.compare_exchange_strong(found, need) || found == need) return;
  }
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
#elif defined(__aarch64__)
  const Arguments arguments = {registers.regs[0], registers.regs[1], registers.regs[2],
                               registers.regs[3], registers.regs[4], registers.regs[5]};
  auto& result = registers.regs[0];
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
    const auto word = [&](std::size_t at) { return static_cast<long>(arguments[at]); };
#ifdef SYS_vfork
    // A child on this stack would come back into what its parent has left.
    const long number = call == SYS_vfork ? SYS_fork : call;
#else
    const long number = call;
#endif
    const long answer = starlit_gate_call(number, word(0), word(1), word(2), word(3), word(4), word(5));
    result = static_cast<std::remove_reference_t<decltype(result)>>(answer);
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
  if (::sigaction(SIGSYS, &action, nullptr) != 0) throw posix_error("couldn't handle", "SIGSYS");
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
