// SPDX-License-Identifier: MIT
//
// Code of one's own in memory, and other doors into the kernel than the one that a filter guards.

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "attempt.h"

namespace escape {
namespace {

#if defined(__x86_64__)
constexpr unsigned char kCode[] = {0xb8, 0x2a, 0x00, 0x00, 0x00, 0xc3};  // mov eax, 42; ret

Outcome run(std::string_view how, void* memory) {
  const auto function = reinterpret_cast<int (*)()>(memory);
  return function() == 42 ? escaped(std::string(how) + ": ran code made at run time")
                          : denied("the code did not run");
}

Outcome write_and_run(const Facts&) {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return failed("mmap(PROT_WRITE | PROT_EXEC)");
  std::memcpy(memory, kCode, sizeof kCode);
  return run("mmap", memory);
}

Outcome write_then_run(const Facts&) {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return failed("mmap");
  std::memcpy(memory, kCode, sizeof kCode);
  if (mprotect(memory, 4096, PROT_READ | PROT_EXEC) != 0) return failed("mprotect(PROT_EXEC)");
  return run("mprotect", memory);
}

Outcome write_then_run_key(const Facts&) {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return failed("mmap");
  std::memcpy(memory, kCode, sizeof kCode);
  if (syscall(SYS_pkey_mprotect, memory, 4096, PROT_READ | PROT_EXEC, -1) != 0) return failed("pkey_mprotect");
  return run("pkey_mprotect", memory);
}

Outcome two_mappings(const Facts&) {
  const int fd = static_cast<int>(syscall(SYS_memfd_create, "code", 0U));
  if (fd < 0) return failed("memfd_create");
  if (write(fd, kCode, sizeof kCode) < 0) return failed("write");
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? failed("mmap(PROT_EXEC) of a memfd") : run("mmap of a memfd", memory);
}

// `what` raised SIGSEGV: the kernel has no such door.
const char* door = "";
void on_fault(int) {
  const std::string text = std::string("UNAVAILABLE ") + door + " raises SIGSEGV\n";
  _exit(write(1, text.data(), text.size()) < 0 ? 1 : 0);
}

void expect_fault(const char* what) {
  door = what;
  signal(SIGSEGV, on_fault);
}

// System calls of 32-bit programs: other numbers, so a filter that does not look at the architecture lets them pass.
long call_32(long number, long first, long second) {
  long result = 0;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(first), "c"(second)
               : "memory", "r8", "r9", "r10", "r11");
  return static_cast<int>(result);
}

Outcome old_getpid(const Facts&) {
  expect_fault("int $0x80");
  return outcome_of("int $0x80, getpid", call_32(20, 0, 0));
}

Outcome old_mkdir(const Facts& facts) {
  expect_fault("int $0x80");
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (memory == MAP_FAILED) return failed("mmap(MAP_32BIT)");
  const std::string path = facts.path("/w/made");
  std::memcpy(memory, path.c_str(), path.size() + 1);
  const long result = call_32(39, static_cast<long>(reinterpret_cast<std::uintptr_t>(memory)), 0700);
  if (result < 0) return failed("int $0x80, mkdir", static_cast<int>(-result));
  rmdir(path.c_str());
  return escaped("int $0x80, mkdir returned 0");
}

Outcome x32_getpid(const Facts&) { return outcome_of("x32 getpid", syscall(0x40000000 | SYS_getpid)); }

// The fixed page of 2002: https://lwn.net/Articles/446528/. getcpu is the call of its three that no script needs.
Outcome fixed_page(const Facts&) {
  expect_fault("a call at 0xffffffffff600800");
  unsigned cpu = ~0U;
  reinterpret_cast<long (*)(unsigned*, unsigned*, void*)>(0xffffffffff600800)(&cpu, nullptr, nullptr);
  return cpu == ~0U ? denied("getcpu in the fixed page did nothing") : escaped("getcpu in the fixed page worked");
}
#else
Outcome other(const Facts&) { return unavailable("written for x86-64"); }
constexpr auto write_and_run = other, write_then_run = other, write_then_run_key = other, two_mappings = other,
               old_getpid = other, old_mkdir = other, x32_getpid = other, fixed_page = other;
#endif

constexpr Attempt kAttempts[] = {
    {"code-writable", "19", "both", "", "runs code in memory that it may write", write_and_run},
    {"code-mprotect", "19", "both", "", "runs code that it wrote before", write_then_run},
    {"code-pkey", "19", "both", "", "the same by pkey_mprotect", write_then_run_key},
    {"code-memfd", "19", "both", "", "runs code that it wrote to a memfd", two_mappings},
    {"int80-getpid", "27", "both", "", "makes a system call of 32-bit programs", old_getpid},
    {"int80-mkdir", "27", "both", "", "makes a directory by a call of 32-bit programs", old_mkdir},
    {"x32-getpid", "28", "both", "", "makes a system call of x32 programs", x32_getpid},
    {"vsyscall", "29", "both", "", "calls into the fixed page", fixed_page},
};

}  // namespace

std::span<const Attempt> memory_attempts() { return kAttempts; }

}  // namespace escape
