// SPDX-License-Identifier: MIT
//
// Tcl channels on files in archives.

#pragma once

#include <memory>

#include "driver/mounts.h"
#include "driver/tcl.h"

namespace starlit {

// `mode` is open(2)'s: O_ACCMODE and O_APPEND. The channel counts as open on its mount until it is closed, which keeps
// what was written; where that fails, `close` is an error with the cause in words.
Tcl_Channel open_member_channel(std::shared_ptr<const Mount> mount, std::shared_ptr<OpenFile> file, int mode);

// The driver's Tcl_FSOpenFileChannelProc.
Tcl_Channel open_path(Tcl_Interp* interp, Tcl_Obj* path, int mode, int permissions) noexcept;

// `file tempfile`: a new file in an archive, open for reading and writing, its name made of `directory`, `root`, six
// random characters and `extension`; the path goes into `path`. Throws Error.
Tcl_Channel open_temporary(const Place& directory, std::string_view root, std::string_view extension, Obj& path);

// Lets a channel of this driver's that was opened to append write anywhere; false for another driver's.
bool clear_append(Tcl_Channel channel) noexcept;

}  // namespace starlit
