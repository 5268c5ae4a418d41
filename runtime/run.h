// SPDX-License-Identifier: MIT
//
// Running a script as a program: what it sees as its arguments, how its errors are told, how the process ends.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "boot.h"

namespace starlit {

// Sets argv0, argv, argc, and tcl_interactive to 0. Texts are the host's bytes.
void set_arguments(Tcl_Interp* interp, const std::string& argv0, const std::vector<std::string>& arguments);

// Writes to a standard channel (TCL_STDOUT ...), which the script may have closed. Returns whether all was written.
bool write_channel(int which, std::string_view text);

// The exit status for the result of an evaluation. An error is told on stderr, with its trace, as tclsh does.
int status_of(Tcl_Interp* interp, int code);

// Evaluates a file. Returns the exit status. A null encoding is the system encoding.
int run_file(Tcl_Interp* interp, const std::string& path, const char* encoding);

// Ends the process by the command `exit`, which a script may have replaced to clean up first.
[[noreturn]] void leave(Tcl_Interp* interp, int status);

// What --version prints.
std::string version_text();

}  // namespace starlit
