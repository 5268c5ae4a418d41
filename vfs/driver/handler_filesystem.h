// SPDX-License-Identifier: MIT
//
// The file system for Tcl over handlers: a second Tcl_Filesystem, registered at the first mount.
//
// 1. What a handler cannot do here: links, `lstat`, truncation by name. `file rename` and `file copy` are done by Tcl
//    as a copy, and a deletion. `load` fails as everywhere in a static program.
// 2. Answers are checked: a list that is none, a number that is none or does not fit, a channel that is none is a
//    failure (EIO), told to the internalerror script, or to the caller where a command takes a message.
// 3. Plain errors of access and stat mean ENOENT, as handlers are used to say; of changes EIO.
// 4. `cd` into a mount leaves the process in the nearest real directory, as in an archive; in a volume, where it was.

#pragma once

#include "handler_call.h"

namespace starlit {

extern const Tcl_Filesystem kHandlerFilesystem;

// Makes the file system known to Tcl, once in the process.
void register_handler_filesystem();

// The place that Tcl keeps with a path of this file system: a copy, as the call of a handler may end the path's own.
// Throws Error{ENOENT} when a mount has gone meanwhile.
HandlerPlace place_of_handler(Tcl_Obj* path);

// The errno of a failed answer.
inline int errno_of(const HandlerAnswer& answer, int plain) noexcept {
  return answer.posix != 0 ? answer.posix : plain;
}

// Hands a failure on to the interpreter of the command that is on: a plain error's own message and errorCode, or
// `verb "path": reason`. Sets errno; returns TCL_ERROR.
int hand_on(Tcl_Interp* interp, const HandlerAnswer& answer, const char* verb, Tcl_Obj* path) noexcept;

}  // namespace starlit
