// SPDX-License-Identifier: MIT
//
// Files that handlers open. What a handler answers, `{channel ?closeCommand?}`, stays its own: a channel of this type
// in front of it is what the caller of `open` gets.
//
//     caller -> [ translation, buffer ] -> HandlerChannel -> bytes -> handler's channel
//
// 1. The handler's channel stays registered in the handler's interpreter, and is kept open even if a script closes it
//    there. Whatever a handler answers or does, Tcl never closes a channel that somebody else uses.
// 2. The new channel takes over encoding, translation, end-of-file character and buffering from the handler's, and
//    passes on bytes, events, seeks, truncation and options.
// 3. When it is closed, what was written has reached the handler's channel, which has the caller's settings again and
//    can be read, and the close command runs; then the handler's channel is closed. Where the file was opened for
//    writing and any of this fails, `close` fails, with the command's message; tclvfs lost such errors, and what was
//    written.
// 4. A process that ends runs the close commands of what is still open in the thread that ends it, while all of Tcl
//    still works; an interpreter that is deleted cannot.
// 5. Modes are those of tclvfs: "" for reading, w, w+, a, a+. Without O_TRUNC a file is asked for with a or a+, so
//    its channel is then put to the beginning, and, where it is a file of the host or an archive, no longer writes at
//    the end only. O_EXCL and a missing O_CREAT are checked here by `access`.

#pragma once

#include "driver/tcl.h"

namespace starlit {

Tcl_Channel open_by_handler(Tcl_Interp* interp, Tcl_Obj* path, int mode, int permissions) noexcept;

// Runs the close commands of all files of this thread.
void finish_handler_channels() noexcept;

// For an interpreter that goes: its close commands run no more.
void forget_interpreter_of_channels(const Tcl_Interp* interp) noexcept;

}  // namespace starlit
