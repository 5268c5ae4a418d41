// SPDX-License-Identifier: MIT
//
// `safekit`, and `tclkit --jail`: a kit, starpack or script is run by this very process, after it has locked itself
// in. The file is opened before and read after: nothing of what it holds is looked at outside. The ELF part of a
// starpack is never executed.
//
// What the locked process sees: the file's archive mounted at its path, as without a jail; the runtime's own library;
// the root that was asked for, in which else nothing is.

#pragma once

#include <string>
#include <vector>

#include "driver/tcl.h"

namespace starlit {

// Creates two commands in an interpreter:
//
//     safekit::enter ?OPTION ...?
//         Locks this process in, for good, with what it has open: options as `safekit --help` lists them. What is
//         mounted read-only stays readable. There is no supervisor, so no pid namespace, no --limit-time and no
//         summary. Refused while the process has other threads. Errors: {STARLIT USAGE}, {STARLIT word}, {POSIX ...};
//         a step that fails may leave the earlier ones applied, so a script does best to end then.
//
//     safekit::filter ?OPTION ...?
//         Returns what `safekit --oci-filter` prints for these options, and locks nothing.
void create_jail_commands(Tcl_Interp* interp);

// `words` are the options, the file, its arguments. `argv0` finds the own executable. Returns the exit status, in the
// locked process; outside it does not return once a program was started. Exit statuses: --help lists them.
int run_jailed(const std::vector<std::string>& words, const char* argv0);

}  // namespace starlit
