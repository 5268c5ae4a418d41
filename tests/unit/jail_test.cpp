// SPDX-License-Identifier: MIT
//
// The table of promises, the parsers, and the filter: its program is run here, instruction by instruction, and must say
// what the table says. Nothing here is locked in, but for children of one test.

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "jail/filter.h"
#include "jail/limits.h"
#include "jail/oci.h"
#include "jail/options.h"
#include "jail/promises.h"
#include "jail/reporter.h"
#include "support.h"

using namespace starlit;
using namespace starlit::jail;

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kOtherArchitecture = AUDIT_ARCH_I386;
#else
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kOtherArchitecture = AUDIT_ARCH_ARM;
#endif
constexpr int kProcess = 4711;
constexpr Promises kAll = (kUdp << 1) - 1;

// Classic BPF as far as seccomp(2) has it: https://www.kernel.org/doc/html/latest/networking/filter.html
std::uint32_t evaluate(const std::vector<sock_filter>& program, const seccomp_data& data) {
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& i = program[at];
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        REQUIRE(i.k % 4 == 0);
        REQUIRE(i.k < sizeof data);
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K: a &= i.k; break;
      case BPF_JMP | BPF_JA: at += i.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += a == i.k ? i.jt : i.jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: at += a >= i.k ? i.jt : i.jf; break;
      case BPF_JMP | BPF_JGT | BPF_K: at += a > i.k ? i.jt : i.jf; break;
      case BPF_RET | BPF_K: return i.k;
      default: FAIL("instruction " << i.code);
    }
  }
  FAIL("the program does not end");
  return 0;
}

seccomp_data call_of(int number, const Arguments& arguments, std::uint64_t from = 0x1000) {
  seccomp_data data{};
  data.nr = number;
  data.arch = kArchitecture;
  data.instruction_pointer = from;
  std::copy(arguments.begin(), arguments.end(), data.args);
  return data;
}

constexpr std::uint32_t error_of(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

// Arguments at and beside each value that a row of the call compares with, in both halves.
std::vector<Arguments> samples_of(int number) {
  std::vector<Arguments> samples = {{}, {~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL}};
  for (const Rule& rule : rules()) {
    if (rule.number != number) continue;
    Arguments exact{};
    for (const Condition& condition : rule.conditions) {
      if (condition.width == Condition::Width::kNone) continue;
      exact[condition.argument] |= condition.value == kOwnProcess ? kProcess : condition.value;
    }
    samples.push_back(exact);
    for (const Condition& condition : rule.conditions) {
      if (condition.width == Condition::Width::kNone) continue;
      for (const std::uint64_t flip : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{512}, std::uint64_t{1} << 16,
                                       std::uint64_t{1} << 32, std::uint64_t{1} << 63, condition.mask}) {
        Arguments changed = exact;
        changed[condition.argument] ^= flip;
        samples.push_back(changed);
      }
    }
  }
  return samples;
}

std::vector<Promises> sample_promises() {
  std::vector<Promises> sets = {kStdio, kDefaultPromises, kAll};
  for (Promises one = 1; one <= kUdp; one <<= 1) {
    sets.push_back(kStdio | one);
    sets.push_back(kDefaultPromises | one);
    sets.push_back(kAll & ~one);
  }
  sets.push_back(kStdio | kRpath | kWpath | kCpath);
  return sets;
}

std::string code_of_error(auto&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code();
  }
  return "none";
}

Options parse(std::vector<std::string> words) { return parse_options(words).first; }

}  // namespace

TEST_CASE("rows of one call lie together, and none of them has a call without a promise") {
  std::set<int> done;
  int last = -1;
  for (const Rule& rule : rules()) {
    INFO(rule.name);
    CHECK(rule.needs != 0);
    CHECK((rule.needs & ~kAll) == 0);
    CHECK(call_name(rule.number) == rule.name);
    if (rule.number != last) CHECK(done.insert(rule.number).second);
    last = rule.number;
    CHECK(rule.number <= highest_known_call());
    for (const Condition& condition : rule.conditions) {
      CHECK(condition.argument < 6);
      // A bit that is compared and not in the mask would never be equal.
      if (condition.value != kOwnProcess) CHECK((condition.value & ~condition.mask) == 0);
    }
  }
}

TEST_CASE("every promise has a name, is read as it is written, and is needed by some call") {
  Promises named = 0;
  for (const PromiseName& name : promise_names()) {
    INFO(name.name);
    named |= name.promises;
    CHECK(parse_promises(name.name) == name.promises);
    CHECK(promise_list(name.promises, ",") == name.name);
    CHECK(!name.meaning.empty());
    bool is_used = false;
    for (const Rule& rule : rules()) is_used = is_used || (rule.needs & name.promises) != 0;
    CHECK(is_used);
  }
  CHECK(named == kAll);
  for (Promises set = 0; set <= kAll; ++set) {
    if (parse_promises(promise_list(set, ",")) != set) FAIL("not read as written: " << promise_list(set, ","));
  }
  CHECK(promise_list(kInetClient | kInetServer | kRpath, " ") == "rpath inet");
  CHECK(parse_promises(" rpath,\n,wpath\t") == (kRpath | kWpath));
  CHECK(parse_promises("") == 0);
  CHECK(code_of_error([] { parse_promises("rpath wrath"); }) == "PROMISE");
}

// Numbers are the kernel's, written out: a condition that is lost in the table is lost in the filter, in messages
// and in the manual alike, and nothing else would tell.
TEST_CASE("what each condition of the table is for") {
  const auto needs = [](int call, Arguments arguments) {
    const auto lack = lack_of(call, arguments, 0, kProcess);
    return lack ? promise_list(lack->promises, ",") : "never";
  };
  struct Verdict {
    const char* needs;
    int call;
    std::vector<Arguments> arguments;
  };
  const Verdict verdicts[] = {
      {"stdio", SYS_mmap, {{0, 0, 3}}},
      {"exec", SYS_mmap, {{0, 0, 5}}},
      {"stdio", SYS_mprotect, {{0, 0, 1}}},
      {"exec", SYS_mprotect, {{0, 0, 5}}},
      // A thread of glibc's, with and without CLONE_NEWUSER; fork(3); and each namespace.
      {"stdio", SYS_clone, {{0x3d0f00}}},
      {"proc", SYS_clone, {{0x1200011}, {17}, {0x100}, {0x10000}}},
      {"never", SYS_clone, {{0x3d0f00 | 0x10000000}, {0x20011}, {0x2000011}, {0x4000011}, {0x8000011}, {0x10000011},
                            {0x20000011}, {0x40000011}}},
      // F_DUPFD ... F_SETFL, F_DUPFD_CLOEXEC; F_GETLK ...; F_SETOWN; O_ASYNC, F_SETSIG, F_SETOWN_EX, leases, seals ...
      {"stdio", SYS_fcntl, {{3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 4, 04000}, {3, 1030}}},
      {"flock", SYS_fcntl, {{3, 5}, {3, 6}, {3, 7}, {3, 36}, {3, 37}, {3, 38}}},
      {"proc", SYS_fcntl, {{3, 8, kProcess}}},
      {"never", SYS_fcntl, {{3, 4, 020000}, {3, 8, 1}, {3, 9}, {3, 10, kProcess}, {3, 15}, {3, 1024}, {3, 1026},
                            {3, 1033}}},
      {"stdio", SYS_ioctl, {{0, 0x5401}, {0, 0x5413}, {0, 0x541b}, {0, 0x5421}, {0, 0x5450}, {0, 0x5451}}},
      {"tty", SYS_ioctl, {{0, 0x5402}, {0, 0x5403}, {0, 0x5404}}},
      {"proc", SYS_ioctl, {{0, 0x5452}}},
      // TIOCSTI, TIOCLINUX, TIOCSWINSZ, TIOCSCTTY, TIOCCONS, TIOCSPGRP.
      {"never", SYS_ioctl, {{0, 0x5412}, {0, 0x541c}, {0, 0x5414}, {0, 0x540e}, {0, 0x541d}, {0, 0x5410}}},
      {"stdio", SYS_sendto, {{3}}},
      {"dns", SYS_sendto, {{3, 0, 0, 0, 1}, {3, 0, 0, 0, 1ULL << 32}}},
      // MSG_FASTOPEN, to an address.
      {"never", SYS_sendto, {{3, 0, 0, 0x20000000, 1}}},
      {"dns", SYS_sendmmsg, {{3, 0, 1, 0}}},
      {"never", SYS_sendmmsg, {{3, 0, 1, 0x20000000}}},
      {"never", SYS_sendmsg, {{3, 0, 0x20000000}}},
      {"stdio", SYS_prlimit64, {{0, 7, 0}}},
      {"never", SYS_prlimit64, {{1, 7, 0}, {0, 7, 1}, {0, 7, 1ULL << 32}}},
      {"stdio", SYS_tgkill, {{kProcess}}},
      {"never", SYS_tgkill, {{1}, {0}}},
      {"stdio", SYS_kill, {{kProcess}}},
      {"proc", SYS_kill, {{1}, {0}, {~0ULL}}},
      {"stdio", SYS_getpgid, {{0}}},
      {"never", SYS_getpgid, {{1}}},
      {"stdio", SYS_getsid, {{0}}},
      {"never", SYS_getsid, {{1}}},
      {"stdio", SYS_sched_getaffinity, {{0}, {kProcess}}},
      {"never", SYS_sched_getaffinity, {{1}}},
      {"stdio", SYS_newfstatat, {{0, 0, 0, 0x1000}}},
      {"rpath", SYS_newfstatat, {{0}, {0, 0, 0, 0x100}}},
      // Of the socket, of TCP, of IPv6; numbers of one level at another, and SO_BINDTODEVICE, TCP_ULP and their like.
      {"stdio", SYS_setsockopt, {{3, 1, 2}, {3, 1, 9}, {3, 1, 7}, {3, 1, 8}, {3, 1, 13}, {3, 1, 15}, {3, 6, 1},
                                 {3, 41, 26}}},
      {"dns", SYS_setsockopt, {{3, 0, 11}, {3, 41, 25}}},
      {"never", SYS_setsockopt, {{3, 0, 2}, {3, 0, 9}, {3, 0, 7}, {3, 0, 8}, {3, 0, 13}, {3, 0, 15}, {3, 1, 1},
                                 {3, 1, 26}, {3, 1, 11}, {3, 1, 25}, {3, 6, 31}, {3, 6, 13}, {3, 41, 11}, {3, 0, 25},
                                 {3, 1, 32}}},
      // O_RDONLY, O_PATH, O_DIRECTORY; O_RDWR, O_TRUNC; O_CREAT, O_TMPFILE; the access mode that is none.
      {"rpath", SYS_openat, {{0, 0, 0}, {0, 0, 010000000}, {0, 0, 0200000}}},
      {"wpath", SYS_openat, {{0, 0, 1}, {0, 0, 01001}}},
      {"rpath,wpath", SYS_openat, {{0, 0, 2}, {0, 0, 01000}, {0, 0, 01002}}},
      {"wpath,cpath", SYS_openat, {{0, 0, 0101}, {0, 0, 020200001}}},
      {"rpath,wpath,cpath", SYS_openat, {{0, 0, 0100}, {0, 0, 0102}, {0, 0, 020200002}, {0, 0, 3}}},
      // Made with set-id bits.
      {"never", SYS_openat, {{0, 0, 0101, 04755}, {0, 0, 0101, 02755}, {0, 0, 0102, 04755}, {0, 0, 0100, 02755}}},
      {"inet:client", SYS_socket, {{2, 1, 0}, {2, 1, 6}, {10, 1, 0}, {10, 1, 6}, {2, 02004001, 0}}},
      {"dns", SYS_socket, {{2, 2, 0}, {2, 2, 17}, {10, 2, 0}, {10, 2, 17}}},
      {"unix", SYS_socket, {{1, 1}, {1, 2}, {1, 5}}},
      // Raw sockets; MPTCP, SCTP, UDP-Lite; netlink, packets, vsock, ciphers.
      {"never", SYS_socket, {{2, 3, 1}, {2, 3, 0}, {2, 3, 6}, {2, 3, 17}, {10, 3, 0}, {10, 3, 6}, {10, 3, 17}, {10, 3, 58},
                             {2, 1, 262}, {2, 1, 132}, {2, 2, 136}, {10, 1, 262}, {10, 2, 136}, {16, 3}, {16, 1, 6},
                             {16, 2, 17}, {17, 3, 3}, {40, 1}, {38, 5}}},
      {"unix", SYS_socketpair, {{1, 1}}},
      {"never", SYS_socketpair, {{2, 1}}},
      {"fattr", SYS_fchmod, {{3, 0777}}},
      {"never", SYS_fchmod, {{3, 04755}, {3, 02755}, {3, 01777}}},
      {"fattr", SYS_fchmodat, {{3, 0, 0777}}},
      {"never", SYS_fchmodat, {{3, 0, 04755}, {3, 0, 02755}, {3, 0, 01777}}},
      // PR_SET_DUMPABLE; PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, PR_SET_MM, PR_SET_SECCOMP.
      {"exec", SYS_prctl, {{4}}},
      {"never", SYS_prctl, {{15}, {38}, {1}, {35}, {22}}},
      {"recvfd", SYS_recvmsg, {{}}},
      {"sendfd", SYS_sendmsg, {{}}},
      {"rpath", SYS_fchdir, {{}}},
#ifdef __x86_64__
      {"rpath", SYS_open, {{0, 0}, {0, 010000000}}},
      {"wpath", SYS_open, {{0, 1}}},
      {"rpath,wpath", SYS_open, {{0, 2}, {0, 01000}}},
      {"wpath,cpath", SYS_open, {{0, 0101}, {0, 020200001}}},
      {"rpath,wpath,cpath", SYS_open, {{0, 0100}, {0, 0102}, {0, 3}}},
      {"never", SYS_open, {{0, 0101, 04755}, {0, 0101, 02755}, {0, 0102, 04755}, {0, 0100, 02755}}},
      {"wpath,cpath", SYS_creat, {{0, 0644}}},
      {"never", SYS_creat, {{0, 04755}, {0, 02755}}},
      {"fattr", SYS_chmod, {{0, 0777}}},
      {"never", SYS_chmod, {{0, 04755}, {0, 02755}, {0, 01777}}},
      {"exec", SYS_arch_prctl, {{}}},
#endif
  };
  for (const Verdict& verdict : verdicts) {
    for (const Arguments& arguments : verdict.arguments) {
      INFO(call_name(verdict.call) << " " << std::hex << arguments[0] << " " << arguments[1] << " " << arguments[2]
                                   << " " << arguments[3] << " " << arguments[4]);
      CHECK(needs(verdict.call, arguments) == verdict.needs);
    }
  }
}

TEST_CASE("what lacks is the least that would do") {
  const auto lack = [](int call, Arguments arguments, Promises granted) {
    const auto found = lack_of(call, arguments, granted, kProcess);
    return found ? promise_list(found->promises, ",") : "never";
  };
  CHECK(lack(SYS_read, {}, kStdio) == "");
  CHECK(lack(SYS_openat, {0, 0, 0}, kStdio) == "rpath");
  CHECK(lack(SYS_openat, {0, 0, 01102}, kDefaultPromises) == "wpath,cpath");
  CHECK(lack(SYS_openat, {0, 0, 1}, kDefaultPromises) == "wpath");
  CHECK(lack(SYS_socket, {AF_INET, SOCK_STREAM, 0}, kStdio) == "inet:client");
  CHECK(lack(SYS_socket, {AF_INET, SOCK_STREAM, 0}, kStdio | kInetServer) == "");
  CHECK(lack(SYS_socket, {AF_INET, SOCK_STREAM, 262}, kAll) == "never");
  CHECK(lack(SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}, kAll) == "never");
  CHECK(lack(SYS_kill, {kProcess, 15}, kStdio) == "");
  CHECK(lack(SYS_kill, {1, 15}, kStdio) == "proc");
  CHECK(lack(SYS_clone, {CLONE_NEWUSER}, kAll) == "never");
  CHECK(lack(SYS_chroot, {}, kAll) == "never");
  CHECK(call_name(SYS_chroot) == "chroot");
  CHECK(call_name(100000) == "");
}

TEST_CASE("of two promises that would do for a call, learning keeps the one that the others need") {
  const std::uint64_t socket = needs_of(SYS_socket, {AF_INET, SOCK_STREAM, 0}, kProcess);
  const std::uint64_t listen = needs_of(SYS_listen, {}, kProcess);
  const std::uint64_t open = needs_of(SYS_openat, {0, 0, 01102}, kProcess);
  const std::uint64_t server[] = {socket, listen};
  CHECK(promise_list(least_promises(server, kInetClient | kInetServer, kStdio), ",") == "inet:server");
  const std::uint64_t client[] = {socket};
  CHECK(promise_list(least_promises(client, kInetClient, kStdio), ",") == "inet:client");
  const std::uint64_t file[] = {open};
  CHECK(promise_list(least_promises(file, kWpath | kCpath, kDefaultPromises), ",") == "wpath,cpath");
}

TEST_CASE("the filter says what the table says, for every call, arguments at every edge and all kinds of promises") {
  std::size_t count = 0;
  for (const Promises promises : sample_promises()) {
    const auto program = build_filter(promises, Denial::kError, kProcess);
    REQUIRE(program.size() <= BPF_MAXINSNS);
    for (int call = 0; call <= highest_known_call() + 60; ++call) {
      bool is_unimplemented = call > highest_known_call();
      for (const int number : unimplemented_calls()) is_unimplemented = is_unimplemented || number == call;
      for (const Arguments& arguments : samples_of(call)) {
        const auto lack = lack_of(call, arguments, promises, kProcess);
        const std::uint32_t expected = lack && lack->promises == 0 ? SECCOMP_RET_ALLOW
                                       : is_unimplemented          ? error_of(ENOSYS)
                                                                   : error_of(EACCES);
        const std::uint32_t answer = evaluate(program, call_of(call, arguments));
        ++count;
        if (answer != expected) {
          FAIL("call " << call << " " << call_name(call) << " with " << promise_list(promises, ",") << ": " << std::hex
                       << answer << ", not " << expected << "; arguments " << arguments[0] << " " << arguments[1] << " "
                       << arguments[2] << " " << arguments[3]);
        }
      }
    }
  }
  CHECK(count > 50'000);
}

TEST_CASE("some verdicts that do not come from the table") {
  const auto program = build_filter(kDefaultPromises, Denial::kError, kProcess);
  const auto verdict = [&](int call, Arguments arguments = {}) { return evaluate(program, call_of(call, arguments)); };
  CHECK(verdict(SYS_write) == SECCOMP_RET_ALLOW);
  CHECK(verdict(SYS_openat, {0, 0, 0}) == SECCOMP_RET_ALLOW);
  CHECK(verdict(SYS_openat, {0, 0, 0xffffffff00000000}) == SECCOMP_RET_ALLOW);  // an int: the kernel drops the rest
  CHECK(verdict(SYS_openat, {0, 0, 1}) == error_of(EACCES));
  CHECK(verdict(SYS_mmap, {0, 0, 4}) == error_of(EACCES));
  CHECK(verdict(SYS_ioctl, {0, 0x5412}) == error_of(EACCES));  // TIOCSTI
  CHECK(verdict(SYS_ioctl, {0, 0x100005412}) == error_of(EACCES));
  CHECK(verdict(SYS_kill, {1, 9}) == error_of(EACCES));
  CHECK(verdict(SYS_ptrace) == error_of(EACCES));
  CHECK(verdict(SYS_clone3) == error_of(ENOSYS));
  CHECK(verdict(SYS_openat2) == error_of(ENOSYS));
  CHECK(verdict(451) == error_of(ENOSYS));
  CHECK(verdict(0x3fffffff) == error_of(ENOSYS));
}

TEST_CASE("nothing is sent by TCP before connect(2), which Landlock is asked about") {
  const auto program = build_filter(kAll, Denial::kError, kProcess);
  const auto verdict = [&](int call, Arguments arguments) { return evaluate(program, call_of(call, arguments)); };
  CHECK(verdict(SYS_sendto, {3, 0, 1, 0, 0x1000, 16}) == SECCOMP_RET_ALLOW);
  CHECK(verdict(SYS_sendto, {3, 0, 1, MSG_FASTOPEN, 0x1000, 16}) == error_of(EACCES));
  CHECK(verdict(SYS_sendmsg, {3, 0, MSG_NOSIGNAL}) == SECCOMP_RET_ALLOW);
  CHECK(verdict(SYS_sendmsg, {3, 0, MSG_NOSIGNAL | MSG_FASTOPEN}) == error_of(EACCES));
  CHECK(verdict(SYS_sendmmsg, {3, 0, 2, MSG_NOSIGNAL}) == SECCOMP_RET_ALLOW);
  CHECK(verdict(SYS_sendmmsg, {3, 0, 2, MSG_NOSIGNAL | MSG_FASTOPEN}) == error_of(EACCES));
}

TEST_CASE("calls of other architectures are the end, whatever is promised") {
  for (const Promises promises : {Promises{kStdio}, kAll}) {
    const auto program = build_filter(promises, Denial::kReport, kProcess);
    auto foreign = call_of(SYS_write, {});
    foreign.arch = kOtherArchitecture;
    CHECK(evaluate(program, foreign) == SECCOMP_RET_KILL_PROCESS);
#ifdef __x86_64__
    for (const int number : {0, 1, 520, 0x3fffffff}) {
      CHECK(evaluate(program, call_of(number | 0x40000000, {})) == SECCOMP_RET_KILL_PROCESS);
    }
    CHECK(evaluate(program, call_of(-1, {})) == SECCOMP_RET_KILL_PROCESS);
#endif
  }
}

TEST_CASE("a denial is what was asked for") {
  const auto verdict = [](Denial denial) {
    return evaluate(build_filter(kStdio, denial, kProcess), call_of(SYS_mkdirat, {}));
  };
  CHECK(verdict(Denial::kReport) == SECCOMP_RET_TRAP);
  CHECK(verdict(Denial::kError) == error_of(EACCES));
  CHECK(verdict(Denial::kKill) == SECCOMP_RET_KILL_PROCESS);
}

TEST_CASE("the reporter is for the program's own code; elsewhere a denial is an error, or learned to be allowed") {
  const char gate = 0;
  // Over a border of 4 GB.
  const CodeRange code = {0x5fffff000, 0x600001000};
  for (const bool is_learning : {false, true}) {
    const auto program = build_filter(kAll & ~kCpath, Denial::kReport, kProcess, is_learning ? &gate : nullptr, code);
    const auto at = [&](std::uint64_t address) { return evaluate(program, call_of(SYS_mkdirat, {}, address)); };
    const std::uint32_t elsewhere = is_learning ? SECCOMP_RET_ALLOW : error_of(EACCES);
    for (const std::uint64_t inside : {std::uint64_t{0x5fffff000}, std::uint64_t{0x5ffffffff},
                                       std::uint64_t{0x600000000}, std::uint64_t{0x600000fff}}) {
      INFO(std::hex << inside);
      CHECK(at(inside) == SECCOMP_RET_TRAP);
    }
    for (const std::uint64_t outside : {std::uint64_t{0x5ffffefff}, std::uint64_t{0x600001000},
                                        std::uint64_t{0x0fffff000}, std::uint64_t{0x700000000}}) {
      INFO(std::hex << outside);
      CHECK(at(outside) == elsewhere);
    }
    CHECK(evaluate(program, call_of(SYS_write, {}, 1)) == SECCOMP_RET_ALLOW);
  }
}

TEST_CASE("the gate is the address behind an instruction that calls the kernel") {
#ifdef __x86_64__
  const std::string_view call("\x0f\x05", 2);  // syscall
#else
  const std::string_view call("\x01\x00\x00\xd4", 4);  // svc #0
#endif
  CHECK((std::string_view(static_cast<const char*>(gate_address()) - call.size(), call.size()) == call));
}

// qemu-user has no seccomp(2): the emulator's tests leave this one out, and a kernel for arm64 has run it.
TEST_CASE("who learns and starts a child in its own memory gets one with a copy", "[seccomp]") {
  const pid_t learner = ::fork();
  if (learner == 0) {
    start_reporter(make_report(), kStdio, -1, true);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    install_filter(build_filter(kStdio, Denial::kReport, static_cast<int>(::getpid()), gate_address(), own_code()));
    static volatile int where = 1;
    const auto status_of = [](long child) {
      int status = 0;
      return ::wait4(static_cast<pid_t>(child), &status, 0, nullptr) == child && WIFEXITED(status)
                 ? WEXITSTATUS(status) : 255;
    };
    // On its parent's stack, as by vfork(2) on arm64.
    const long first = ::syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    if (first == 0) {
      where = 2;
      ::_exit(40 + where);
    }
    if (first < 0 || status_of(first) != 42 || where != 1) ::_exit(1);
    // On a stack of its own.
    static char stack[65536];
    const auto run = [](void* word) {
      where = 2;
      return where + *static_cast<int*>(word);
    };
    int word = 50;
    const int second = ::clone(run, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &word);
    if (second < 0 || status_of(second) != 52 || where != 1) ::_exit(2);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(learner, &status, 0) == learner);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("limits: numbers with their units, none, and what is no limit") {
  CHECK(parse_size("4096") == 4096);
  CHECK(parse_size("64k") == 65536);
  CHECK(parse_size("16M") == 16u << 20);
  CHECK(parse_size("2G") == std::uint64_t{2} << 30);
  CHECK(parse_size("none") == std::nullopt);
  CHECK(parse_size("0") == std::nullopt);
  CHECK(parse_duration("90") == 90);
  CHECK(parse_duration("5m") == 300);
  CHECK(parse_duration("2h") == 7200);
  CHECK(parse_count("32") == 32);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.5", "0x10", "1KB", "1T", "k", "99999999999999999999",
                           "9007199254740992G"}) {
    INFO(text);
    CHECK(code_of_error([&] { parse_size(text); }) == "LIMIT");
  }
  CHECK(code_of_error([] { parse_duration("1d"); }) == "LIMIT");
  CHECK(code_of_error([] { parse_count("1k"); }) == "LIMIT");
  CHECK(size_text(1536) == "1536");
  CHECK(size_text(65536) == "64k");
  CHECK(size_text(std::uint64_t{1} << 30) == "1G");
  CHECK(size_text(std::nullopt) == "none");
}

TEST_CASE("options are read up to the file, joined to their values or not") {
  const std::vector<std::string> words = {"--allow=wpath,cpath", "--limit-cpu", "2m", "--quiet", "app.kit", "--help"};
  const auto [options, used] = parse_options(words);
  CHECK(used == 4);
  CHECK(promise_list(options.promises, " ") == "stdio rpath wpath cpath");
  CHECK(options.limits.cpu_s == 120);
  CHECK(options.is_quiet);
  CHECK(options.action == Action::kRun);
  CHECK(parse_options(std::vector<std::string>{"--", "--quiet"}).second == 1);
  CHECK(parse_options(std::vector<std::string>{"-"}).second == 0);
  CHECK(parse({"--setenv", "A", "b=c"}).set_environment.at(0).second == "b=c");
  CHECK(parse({"--setenv=A", "b"}).set_environment.at(0).first == "A");
  CHECK(parse({"--tmpfs", "/t:2M"}).root.mounts.at(0).size_bytes == 2u << 20);
  CHECK(parse({"--tmpfs", "/t"}).root.mounts.at(0).size_bytes == 16u << 20);
  CHECK(parse({"--allow", "inet", "--deny", "inet:client"}).promises == (kDefaultPromises | kInetServer));
  CHECK(parse({"--dev"}).root.mounts.size() == 1);
}

TEST_CASE("what is no option, or has no sense, is an error with a code") {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--nope"}, {"-q"}, {"--quiet=1"}, {"--limit-memory"}, {"--bind", "/a"}, {"--bind", "a", "b"}, {"--mode", "x"},
           {"--net", "x"}, {"--on-denial", "x"}, {"--without", "x"}, {"--uid", "0"}, {"--uid", "-1"}, {"--bind-tcp", "0"},
           {"--connect-tcp", "65536"}, {"--hostname", std::string(65, 'h')}, {"--setenv", "A=", "x"}, {"--tmpfs", "t"}}) {
    INFO(words[0]);
    CHECK(code_of_error([&] { parse(words); }) == "USAGE");
  }
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--deny", "stdio"}, {"--program"}, {"--bind-tcp", "80"}, {"--mode", "landlock", "--root", "/usr"},
           {"--mode", "chroot", "--allow", "inet"}, {"--without", "no-new-privs"}, {"--root", "/"}, {"--json"}}) {
    INFO(words[0]);
    CHECK(code_of_error([&] { check_options(parse(words)); }) == "USAGE");
  }
  CHECK(code_of_error([] { check_options(parse({})); }) == "none");
}

TEST_CASE("every option has a line of help") {
  const std::string help = options_help();
  for (const char* name : {"--allow PROMISES", "--limit-time TIME", "--without LAYERS", "--learn", "--safe-read PATH"}) {
    CHECK(help.find("  " + std::string(name) + " ") != std::string::npos);
  }
}

TEST_CASE("the filter for container runtimes names every call that a promise allows, and what is not implemented") {
  for (unsigned bit = 0; bit < 17; ++bit) {
    const Promises promises = kStdio | 1u << bit;
    const std::string json = oci_filter(promises);
    for (const Rule& rule : rules()) {
      CAPTURE(rule.name, promises);
      if ((rule.needs & ~promises) == 0) CHECK(json.find("\"" + std::string(rule.name) + "\"") != std::string::npos);
    }
    CHECK(json.find("{\"names\": [\"clone3\", \"openat2\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 38}") !=
          std::string::npos);
  }
  CHECK(oci_filter(kStdio).find("execve") == std::string::npos);
  CHECK(oci_filter(kStdio).find("\"mprotect\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 2, "
                                "\"value\": 4, \"valueTwo\": 0, \"op\": \"SCMP_CMP_MASKED_EQ\"}]") != std::string::npos);
}
