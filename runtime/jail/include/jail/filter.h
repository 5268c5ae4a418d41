// SPDX-License-Identifier: MIT
//
// The seccomp filter: a classic BPF program (seccomp(2)) built from the table of promises.h.
//
//     architecture is not ours, or an x32 number        the process is killed
//     a call that is allowed with the arguments it has  allowed
//     a call that is allowed whatever its arguments     allowed; the kernel remembers these and does not run this
//     unknown or not to be checked                      ENOSYS
//     else                                              what `denial` says

#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "jail/promises.h"

namespace starlit::jail {

enum class Denial {
  kReport,  // SIGSYS, for the reporter: reporter.h
  kError,   // EACCES, which the kernel logs
  kKill,    // the process is killed
};

// Addresses of code, from `begin` up to but not including `end`. None: an empty range.
struct CodeRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// Of this program, where it is static, so that all its system calls are made from there; else an empty one.
CodeRange own_code() noexcept;

// `own_process` is the id that the process has in its own namespace. Where `gate` is not null, calls made by the two
// bytes in front of that address are allowed: reporter.h, learning.
//
// A program that is run in place of this one has no reporter, and SIGSYS would end it. So where `reporting` is not
// empty, what is denied to code elsewhere fails with EACCES, or is allowed when learning. (It is no wall: what is
// denied stays denied, whatever code asks.)
std::vector<sock_filter> build_filter(Promises promises, Denial denial, int own_process, const void* gate = nullptr,
                                      CodeRange reporting = {});

// Puts it on all threads of the process. Needs no_new_privs or CAP_SYS_ADMIN. Throws Error.
void install_filter(const std::vector<sock_filter>& program);

}  // namespace starlit::jail
