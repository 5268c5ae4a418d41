// SPDX-License-Identifier: MIT
//
// Landlock (https://docs.kernel.org/userspace-api/landlock.html): what may be done below which directory, which TCP
// ports may be used, and that signals and abstract sockets end at the jail. It also stops the use of a directory of
// the outside that the process should have been left holding.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/handle.h"
#include "jail/promises.h"

namespace starlit::jail {

// The kernel's version of it; 0 where it has none or it is switched off.
int landlock_abi() noexcept;

// The same, for a jail that needs it. Throws Error where there is none, or none that can do what is asked.
int need_landlock(bool limits_ports);

// What a version brought, for `safekit --check` and for errors.
struct LandlockFeature {
  int abi;
  std::string_view linux_version;
  std::string_view brings;
};
std::vector<LandlockFeature> landlock_features();

struct LandlockPolicy {
  struct Below {
    int fd;             // of a file or directory; an O_PATH one will do
    Promises promises;  // of which rpath, wpath, cpath and exec count
  };
  std::vector<Below> paths;
  bool is_bind_limited = false;     // TCP: to the ports named, perhaps none
  bool is_connect_limited = false;
  std::vector<std::uint16_t> bind_ports;
  std::vector<std::uint16_t> connect_ports;
};

inline constexpr int kLandlockNetAbi = 4;

// Locks the calling thread, and what it starts, for good. Needs no_new_privs. Throws Error, also where the policy
// needs more than the kernel has.
void apply_landlock(const LandlockPolicy& policy);

}  // namespace starlit::jail
