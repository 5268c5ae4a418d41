// SPDX-License-Identifier: MIT

#include "jail/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "base/error.h"

// The linker's, ld(1): where the program and where its code ends.
extern "C" const char __executable_start[];
extern "C" const char etext[];

namespace starlit::jail {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kFirstForeign = 0x40000000;  // x32: arch/x86/include/uapi/asm/unistd.h, __X32_SYSCALL_BIT
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kFirstForeign = 0;
#else
#error "the table of system calls has not been checked for this architecture"
#endif

class Program {
 public:
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void load_number() { load(offsetof(seccomp_data, nr)); }
  // Little-endian, as both architectures are.
  void load_low(unsigned argument) { load(offsetof(seccomp_data, args) + argument * 8); }
  void load_high(unsigned argument) { load(offsetof(seccomp_data, args) + argument * 8 + 4); }
  void keep_bits(std::uint32_t mask) {
    if (mask != 0xffffffff) add(BPF_ALU | BPF_AND | BPF_K, mask);
  }
  void answer(std::uint32_t action) { add(BPF_RET | BPF_K, action); }

  // A jump whose target is still to come.
  std::size_t jump_unless_equal(std::uint32_t value) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value);
    return code_.size() - 1;
  }
  void jump_over_next_if_equal(std::uint32_t value) { add(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0); }
  void jump_over_next_unless_equal(std::uint32_t value) { add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1); }
  void jump_over_next_unless_at_least(std::uint32_t value) { add(BPF_JMP | BPF_JGE | BPF_K, value, 0, 1); }
  void jump_over_next_unless_above(std::uint32_t value) { add(BPF_JMP | BPF_JGT | BPF_K, value, 0, 1); }

  // Lets it lead to what comes next when its comparison fails.
  void land(std::size_t jump) {
    const std::size_t distance = code_.size() - jump - 1;
    if (distance > 255) throw Error(E2BIG, "FILTER", "couldn't build the filter: one call has too many rules");
    (code_[jump].jt == kToBeSet ? code_[jump].jt : code_[jump].jf) = static_cast<std::uint8_t>(distance);
  }

  // A jump over any distance, whose target is still to come.
  std::size_t jump() {
    add(BPF_JMP | BPF_JA, 0);
    return code_.size() - 1;
  }
  void land_far(std::size_t jump) { code_[jump].k = static_cast<std::uint32_t>(code_.size() - jump - 1); }
  std::size_t jump_unless_at_least(std::uint32_t value) {
    add(BPF_JMP | BPF_JGE | BPF_K, value);
    return code_.size() - 1;
  }
  std::size_t jump_if_above(std::uint32_t value) {
    add(BPF_JMP | BPF_JGT | BPF_K, value, 0, 0);
    code_.back().jt = kToBeSet;
    return code_.size() - 1;
  }

  std::vector<sock_filter> take() { return std::move(code_); }

 private:
  static constexpr std::uint8_t kToBeSet = 255;  // which add() and jumps over the next never use

  void add(int code, std::uint32_t k, std::uint8_t on_true = 0, std::uint8_t on_false = 0) {
    code_.push_back({static_cast<std::uint16_t>(code), on_true, on_false, k});
  }
  std::vector<sock_filter> code_;
};

std::uint32_t error_action(int error) {
  return SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error) & SECCOMP_RET_DATA);
}

std::uint32_t action_of(Denial denial) {
  switch (denial) {
    case Denial::kReport: return SECCOMP_RET_TRAP;
    case Denial::kError: return error_action(EACCES);
    case Denial::kKill: return SECCOMP_RET_KILL_PROCESS;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

// Allows the call where all conditions hold; else goes on behind.
void add_rule(Program& program, const Rule& rule, int own_process) {
  std::vector<std::size_t> jumps;
  for (const Condition& condition : rule.conditions) {
    if (condition.width == Condition::Width::kNone) continue;
    const std::uint64_t value =
        condition.value == kOwnProcess ? static_cast<std::uint64_t>(own_process) : condition.value;
    program.load_low(condition.argument);
    program.keep_bits(static_cast<std::uint32_t>(condition.mask));
    jumps.push_back(program.jump_unless_equal(static_cast<std::uint32_t>(value)));
    if (condition.width == Condition::Width::kLong) {
      program.load_high(condition.argument);
      program.keep_bits(static_cast<std::uint32_t>(condition.mask >> 32));
      jumps.push_back(program.jump_unless_equal(static_cast<std::uint32_t>(value >> 32)));
    }
  }
  program.answer(SECCOMP_RET_ALLOW);
  for (const std::size_t jump : jumps) program.land(jump);
}

// What becomes of a call that is denied: for code of `reporting` one thing, for other code another.
void answer_by_code(Program& program, CodeRange reporting, std::uint32_t there, std::uint32_t elsewhere) {
  constexpr std::uint64_t kLow = 0xffffffff;
  for (std::uint64_t begin = reporting.begin; begin < reporting.end;) {
    // Within 4 GB the upper halves of addresses are the same.
    const std::uint64_t last = std::min<std::uint64_t>(reporting.end - 1, begin | kLow);
    program.load(offsetof(seccomp_data, instruction_pointer) + 4);
    const std::size_t high = program.jump_unless_equal(static_cast<std::uint32_t>(begin >> 32));
    program.load(offsetof(seccomp_data, instruction_pointer));
    const std::size_t below = program.jump_unless_at_least(static_cast<std::uint32_t>(begin));
    const std::size_t above = program.jump_if_above(static_cast<std::uint32_t>(last));
    program.answer(there);
    for (const std::size_t jump : {high, below, above}) program.land(jump);
    begin = last + 1;
  }
  program.answer(elsewhere);
}

}  // namespace

std::vector<sock_filter> build_filter(Promises promises, Denial denial, int own_process, const void* gate,
                                      CodeRange reporting) {
  Program program;
  const bool asks_where = denial == Denial::kReport && reporting.begin < reporting.end;
  std::vector<std::size_t> denials;
  const auto deny = [&] {
    if (asks_where) {
      denials.push_back(program.jump());
    } else {
      program.answer(action_of(denial));
    }
  };
  program.load(offsetof(seccomp_data, arch));
  program.jump_over_next_if_equal(kArchitecture);
  program.answer(SECCOMP_RET_KILL_PROCESS);
  program.load_number();
  if (kFirstForeign != 0) {
    program.jump_over_next_unless_at_least(kFirstForeign);
    program.answer(SECCOMP_RET_KILL_PROCESS);
  }
  if (gate != nullptr) {
    const auto address = reinterpret_cast<std::uintptr_t>(gate);
    program.load(offsetof(seccomp_data, instruction_pointer));
    const std::size_t low = program.jump_unless_equal(static_cast<std::uint32_t>(address));
    program.load(offsetof(seccomp_data, instruction_pointer) + 4);
    const std::size_t high = program.jump_unless_equal(static_cast<std::uint32_t>(address >> 32));
    program.answer(SECCOMP_RET_ALLOW);
    program.land(low);
    program.land(high);
    program.load_number();
  }
  const auto allowed = rules();
  // Calls with conditions first: the others are answered from the kernel's table. Rules of one call lie together.
  for (std::size_t i = 0; i < allowed.size();) {
    const int number = allowed[i].number;
    std::size_t end = i;
    while (end < allowed.size() && allowed[end].number == number) ++end;
    bool is_conditional = false;
    if (!is_allowed_always(number, promises)) {
      for (std::size_t at = i; at < end; ++at) is_conditional = is_conditional || allowed[at].is_granted(promises);
    }
    if (is_conditional) {
      const std::size_t other = program.jump_unless_equal(static_cast<std::uint32_t>(number));
      for (std::size_t at = i; at < end; ++at) {
        if (allowed[at].is_granted(promises)) add_rule(program, allowed[at], own_process);
      }
      deny();
      program.land(other);
    }
    i = end;
  }
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    const bool is_first = i == 0 || allowed[i - 1].number != allowed[i].number;
    if (!is_first || !is_allowed_always(allowed[i].number, promises)) continue;
    program.jump_over_next_unless_equal(static_cast<std::uint32_t>(allowed[i].number));
    program.answer(SECCOMP_RET_ALLOW);
  }
  for (const int call : unimplemented_calls()) {
    program.jump_over_next_unless_equal(static_cast<std::uint32_t>(call));
    program.answer(error_action(ENOSYS));
  }
  program.jump_over_next_unless_above(static_cast<std::uint32_t>(highest_known_call()));
  program.answer(error_action(ENOSYS));
  deny();
  for (const std::size_t jump : denials) program.land_far(jump);
  if (asks_where) {
    answer_by_code(program, reporting, action_of(denial), gate != nullptr ? SECCOMP_RET_ALLOW : error_action(EACCES));
  }
  return program.take();
}

CodeRange own_code() noexcept {
  // There is a loader, so there are libraries: getauxval(3).
  if (::getauxval(AT_BASE) != 0) return {};
  return {reinterpret_cast<std::uintptr_t>(__executable_start), reinterpret_cast<std::uintptr_t>(etext)};
}

void install_filter(const std::vector<sock_filter>& program) {
  const sock_fprog filter = {static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  const long result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  if (result == 0) return;
  if (result > 0) throw Error(EBUSY, "SECCOMP", "couldn't install the filter: a thread has another one");
  throw posix_error("couldn't install", "the seccomp filter");
}

}  // namespace starlit::jail
