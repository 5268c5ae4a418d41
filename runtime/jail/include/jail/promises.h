// SPDX-License-Identifier: MIT
//
// Promises: named classes of system calls, after OpenBSD's pledge(2). One table says which call, with which
// arguments, needs which promises; the filter is built from it, a denial is explained by it, and `safekit --promises`
// prints it.
//
// 1. A call that no row names is denied whatever is promised.
// 2. A row may need several promises: opening a file that may be made, for reading and writing, needs rpath, wpath
//    and cpath.
// 3. Arguments are compared as the kernel reads them: an int by its low 32 bits. What lies behind a pointer cannot be
//    seen (seccomp(2)), so no row depends on a path or an address.
// 4. Unlike OpenBSD's, `stdio` holds neither fchdir(2) (what a program with a directory of the outside would leave
//    by) nor recvmsg(2) (by which it would be handed one).

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace starlit::jail {

enum Promise : std::uint32_t {
  kStdio = 1 << 0,
  kRpath = 1 << 1,
  kWpath = 1 << 2,
  kCpath = 1 << 3,
  kFattr = 1 << 4,
  kChown = 1 << 5,
  kFlock = 1 << 6,
  kInetClient = 1 << 7,
  kInetServer = 1 << 8,
  kDns = 1 << 9,
  kUnix = 1 << 10,
  kRecvfd = 1 << 11,
  kSendfd = 1 << 12,
  kTty = 1 << 13,
  kProc = 1 << 14,
  kExec = 1 << 15,
  kUdp = 1 << 16,
};

// A set of them.
using Promises = std::uint32_t;

inline constexpr Promises kDefaultPromises = kStdio | kRpath;

struct PromiseName {
  std::string_view name;
  Promises promises;         // one, or those it stands for
  std::string_view meaning;  // what a program with it may do
};

// In the order of `--help`.
std::span<const PromiseName> promise_names() noexcept;

// "rpath,wpath" or "rpath wpath". Throws Error that names the word which is none.
Promises parse_promises(std::string_view list);

// The fewest names, separated by `separator`; "" for none.
std::string promise_list(Promises promises, std::string_view separator);

// Calls `append` with each of those names; usable in a signal handler.
void for_each_name(Promises promises, void (*append)(void* data, std::string_view name), void* data) noexcept;

// One comparison: (argument & mask) == value.
struct Condition {
  enum class Width : std::uint8_t { kNone, kInt, kLong };
  Width width = Width::kNone;
  std::uint8_t argument = 0;
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
};

// In place of a value: the process's own id.
inline constexpr std::uint64_t kOwnProcess = 1ULL << 63;

struct Rule {
  std::string_view name;
  int number;
  Promises needs;
  std::array<Condition, 3> conditions = {};
  std::string_view where = {};  // the conditions in words
  std::string_view verb = {};   // what the program tried, where the promise does not say it: "kill another process"

  bool is_conditional() const noexcept { return conditions[0].width != Condition::Width::kNone; }
  bool is_granted(Promises promises) const noexcept { return (needs & ~promises) == 0; }
};

// Rows of one call follow one another.
std::span<const Rule> rules() noexcept;

// Whether these promises allow a call whatever its arguments are.
bool is_allowed_always(int call, Promises promises) noexcept;

// Calls that are answered with ENOSYS, so that the C library falls back to ones which can be checked.
std::span<const int> unimplemented_calls() noexcept;
// Above it numbers are answered with ENOSYS too: later kernels' calls, which callers probe for.
int highest_known_call() noexcept;

using Arguments = std::array<std::uint64_t, 6>;

// What lacks for a call to be allowed: the smallest set of promises that allows it with these arguments. 0 where it
// is allowed; nothing where no promise allows it. Usable in a signal handler.
struct Lack {
  Promises promises;
  std::string_view call;
  std::string_view verb;
};
std::optional<Lack> lack_of(int call, const Arguments& arguments, Promises granted, int own_process) noexcept;

// For learning: a call and which of its rows match these arguments, in one number; and the smallest part of
// `promises` with which, and what is granted anyway, each of those calls is allowed. Of two that would do, the one
// that says less.
std::uint64_t needs_of(int call, const Arguments& arguments, int own_process) noexcept;
Promises least_promises(std::span<const std::uint64_t> needs, Promises promises, Promises granted);

// The name of a call, or "".
std::string_view call_name(int call) noexcept;

}  // namespace starlit::jail
