// SPDX-License-Identifier: MIT
//
// The shell: what a runtime does that has been given nothing to run.
//
// On a terminal it edits lines, keeps a history in memory, completes words and runs the event loop meanwhile; otherwise
// it reads and evaluates what comes from stdin as tclsh does with `tclsh < file`. It sets tcl_interactive, reads no rc
// file and writes nothing to disk.

#pragma once

#include <tcl.h>

namespace starlit {

// Runs the interactive or piped shell until end of input; returns the exit status. `exit` in a command ends the process
// from within. (tclsh ends by evaluating `exit`, so that a script's own `exit` is seen: that is left to the caller.)
//
// tcl_library must be set: "../starlit" beside that folder holds the shell's own scripts and the descriptions of
// terminals. Without them there is no completion and no prompt script, and an unknown terminal is a dumb one.
int run_shell(Tcl_Interp* interp);

}  // namespace starlit
