// SPDX-License-Identifier: MIT
//
// `glob` in mounts of handlers, and those mounts in any directory: a Tcl_FSMatchInDirectoryProc.
//
// 1. A handler is asked `matchindirectory pattern types`; an empty pattern asks whether the path itself is there.
//    `types` is a sum of 4 for directories, 16 for files and the other numbers of Tcl_GlobTypeData(3tcl); 0 is any.
// 2. Of each path that it answers the last part counts; in front of it comes the directory as the script wrote it.
//    Tcl cuts that off again without a look.
// 3. What handlers are not told is asked here, as on the host: the permissions of `-types {r w x readonly}` by
//    `access`; names that begin with a dot are listed where the pattern does, or with `-types hidden`, and else are
//    not.
// 4. But within a call of another handler all names are listed, as in tclvfs: what is made of other file systems
//    relies on that, having no way to be asked for hidden ones.

#pragma once

#include "driver/tcl.h"

namespace starlit {

int match_by_handler(Tcl_Interp* interp, Tcl_Obj* result, Tcl_Obj* path, const char* pattern,
                     Tcl_GlobTypeData* types) noexcept;

}  // namespace starlit
