// SPDX-License-Identifier: MIT
//
// From a process to an interpreter that sees the runtime's own archive and nothing of the host's Tcl:
//
//   1. find the own archive and open it        self.h
//   2. create the interpreter                  system encoding UTF-8 unless the environment names another
//   3. mount the archive at the own path       driver.h
//   4. commands, then lib/starlit/start.tcl    what Debian's init.tcl defines, and library/boot.tcl: search paths,
//                                              package index, time zones
//
// Step 4 is the same in every interpreter of the process: for children and those of other threads Tcl_Init comes to it
// through the package "Starlit".

#pragma once

#include <memory>
#include <string>

#include "driver/driver.h"

namespace starlit {

using Interp = std::unique_ptr<Tcl_Interp, Calls<Tcl_DeleteInterp>>;

struct Runtime {
  std::string path;                  // of the executable, as the user named it: `info nameofexecutable`
  std::shared_ptr<Archive> archive;
  std::string home;                  // where the archive is mounted: `path` with its links resolved
  Interp interp;
};

// Throws Error with what is wrong with the executable, or the script library's error.
Runtime boot(const char* argv0);

}  // namespace starlit
