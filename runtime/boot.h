// SPDX-License-Identifier: MIT
//
// From a process to an interpreter that sees the runtime's own archive and nothing of the host's Tcl:
//
//   1. find the own archive and open it        self.h
//   2. create the interpreter                  system encoding UTF-8 unless the environment names another
//   3. mount the archive at the own path       driver.h
//   4. Tcl_Init from the mounted library       library/preinit.tcl, then Debian's init.tcl
//   5. library/boot.tcl                        search paths, package index, time zones
//
// Steps 4 and 5 are the same in every interpreter of the process: children and those of other threads.

#pragma once

#include <memory>
#include <string>

#include "driver/driver.h"

namespace starlit {

using Interp = std::unique_ptr<Tcl_Interp, Calls<Tcl_DeleteInterp>>;

struct Runtime {
  std::string path;                  // of the executable, as the user named it: `info nameofexecutable`
  std::shared_ptr<Archive> archive;
  Interp interp;
};

// Throws Error with what is wrong with the executable, or the script library's error.
Runtime boot(const char* argv0);

}  // namespace starlit
