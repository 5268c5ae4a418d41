// SPDX-License-Identifier: MIT
//
// Tells what the filter has denied. A denied call raises SIGSYS; the handler finds in the table of promises.h what it
// would have needed, says so on stderr once for each kind, and makes the call fail with EACCES.
//
//     safekit: denied: the kit tried to make a file (openat); to allow it: --allow wpath,cpath
//     safekit: denied: the kit tried to make a file (openat); its own safekit.promises leaves out wpath,cpath
//
// What Landlock denies is an EACCES like any other, and the kernel tells it to nobody in the jail. Where it is plain that
// it was Landlock, who has made the call has it told, in the same way:
//
//     safekit: denied: the kit tried to read what it was not shown; to allow it, name it by --ro-bind: /etc/passwd
//     safekit: denied: the kit tried to connect to port 80; to allow it: --connect-tcp 80
//
// When learning, the handler makes the call itself, through the one instruction that the filter lets pass: nothing is
// denied, and what would have been needed is remembered. Learning is no jail.

#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "jail/promises.h"

namespace starlit::jail {

// In memory that supervisor and prisoner share. The prisoner may write what he likes into it: it is counted, never
// trusted.
struct Report {
  std::atomic<std::uint32_t> kinds;     // of denials
  std::atomic<Promises> lacking;        // by which they would have been allowed
  std::atomic<std::uint32_t> hopeless;  // kinds that no promise allows
  std::atomic<Promises> left_out;       // by the program's own list: the caller cannot allow them
  std::array<std::atomic<std::uint32_t>, 512> seen;  // by call: what it lacked
  std::array<std::atomic<std::uint64_t>, 256> needs;  // while learning: needs_of() each kind of call, then zeros
};

// A new one, shared with later children; lasts as long as the process. Throws Error.
Report* make_report();

// Takes over SIGSYS in this process. `error_fd` stays open: lines go there; -1 for none.
void start_reporter(Report* report, Promises granted, int error_fd, bool is_learning);

// What Landlock lets through; nothing where it does not limit that.
struct LandlockLimits {
  bool are_files_limited = false;  // to those that were named
  std::optional<std::vector<std::uint16_t>> connect_ports;
  std::optional<std::vector<std::uint16_t>> bind_ports;
};

// Needs the reporter. Once in a process.
void start_landlock_reporter(LandlockLimits limits);

// To be called behind open(2), connect(2) and bind(2) that have failed with EACCES. errno stays.
void explain_open(const char* path, int flags) noexcept;
void explain_address(int socket, const sockaddr* address, bool is_server) noexcept;

// While one lives, what this thread is denied is not told, counted or learned: for what a library tries by itself, and
// does without.
class Untold {
 public:
  Untold() noexcept;
  ~Untold();
  Untold(const Untold&) = delete;
  Untold& operator=(const Untold&) = delete;

 private:
  bool before_;
};

// The address behind the gate's instruction: build_filter().
const void* gate_address() noexcept;

// What the calling thread's last denied call lacked, once: 0 when there is none since the last time it was asked;
// ~0 for a call that no promise allows, kLandlockDenial for one that Landlock has denied.
inline constexpr Promises kLandlockDenial = 1U << 30;
Promises take_denial() noexcept;

}  // namespace starlit::jail
