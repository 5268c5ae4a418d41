// SPDX-License-Identifier: MIT
//
// Calls of the commands that answer for mounts: `command subcommand root relative actualpath ?argument ...?`, as
// vfs(3tcl) has it: root and relative are the parts of the normalised path outside and inside the mount, actualpath
// is the path as the script wrote it.
//
// 1. A call leaves the interpreter as it was: its result and its errors are not those of the command that is on.
// 2. A failure names an errno by `vfs::filesystem posixerror`, by errorCode {POSIX NAME ...}, or by an errno as its
//    whole message. All others are plain: their message goes where the caller takes it, or else to the interpreter's
//    `vfs::filesystem internalerror` script.
// 3. Anything may happen in a call: unmounts, the end of the interpreter, calls within calls (to a depth, then
//    ELOOP), and any answer. Nothing that Tcl or we hold is used after it without a look.

#pragma once

#include <initializer_list>

#include "handler_mounts.h"

namespace starlit {

enum class PlainErrors { kToCaller, kInternal };

struct HandlerAnswer {
  bool is_ok = false;
  Obj result;      // what it returned, or its message
  Obj error_code;  // of a plain error
  int posix = 0;   // the errno that a failure named; 0 for a plain one
};

HandlerAnswer call_handler(const HandlerPlace& place, Tcl_Obj* path, const char* subcommand, PlainErrors errors,
                           std::initializer_list<Obj> arguments = {});

// For an answer that is none: the message, which goes to the internalerror script.
Obj refuse_answer(const HandlerPlace& place, const char* subcommand, const char* what);

// Runs a script of a mount's interpreter, outside of its procedures. Its message, or null when it succeeds; posix as
// above.
HandlerAnswer run_in_handler(Tcl_Interp* interp, Tcl_Obj* script, PlainErrors errors);

// The errno of a name like "ENOENT", or 0.
int errno_of_name(std::string_view name) noexcept;

// The script of `vfs::filesystem internalerror`: null where there is none.
Obj internal_error_script(Tcl_Interp* interp);
void set_internal_error_script(Tcl_Interp* interp, Tcl_Obj* script);

// Makes sure that an interpreter's mounts end with it.
void end_mounts_with(Tcl_Interp* interp);

}  // namespace starlit
