// SPDX-License-Identifier: MIT
//
// Commands as rows of a table.

#pragma once

#include <span>
#include <string_view>

#include "driver/tcl.h"

namespace starlit {

using Arguments = std::span<Tcl_Obj* const>;

// What `-option value` pairs and `wrong # args` need to know of a command.
struct CommandRow {
  const char* name;       // fully qualified, or a subcommand's
  const char* arguments;  // as in the manual: "FILE ?-runtime BOOLEAN?"
  std::size_t least;      // how many arguments, without the name
  std::size_t most;
  Obj (*run)(Tcl_Interp* interp, Arguments arguments);  // returns the result, or none; throws Error
};

// Creates one Tcl command a row. The rows live as long as the program.
void create_commands(Tcl_Interp* interp, std::span<const CommandRow> rows);

// Creates a command whose first argument names a row.
void create_ensemble(Tcl_Interp* interp, const char* name, std::span<const CommandRow> rows);

// Values that are not what they should be raise the error Tcl has for them.
bool boolean_of(Tcl_Interp* interp, Tcl_Obj* obj);
std::int64_t wide_of(Tcl_Interp* interp, Tcl_Obj* obj);
Arguments list_of(Tcl_Interp* interp, Tcl_Obj* obj);

// Thrown when the interpreter holds the result already: an error, or what `return`, `break` and `continue` leave.
struct TclError {
  int code = TCL_ERROR;
};

}  // namespace starlit
