// SPDX-License-Identifier: MIT
//
// What Tcl changes in archives: `file mkdir`, `delete`, `rename`, `copy`, `link`, `mtime`, `attributes`. Results and
// errors are those of Tcl's own procedures for files of the host (tclUnixFCmd.c, tclUnixFile.c), since the commands above
// depend on them.

#pragma once

#include "driver/driver.h"

namespace starlit {

int utime_path(Tcl_Obj* path, struct utimbuf* times) noexcept;
Tcl_Obj* link_path(Tcl_Obj* path, Tcl_Obj* to, int action) noexcept;
int set_attribute(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj* value) noexcept;
int create_directory(Tcl_Obj* path) noexcept;
int remove_directory(Tcl_Obj* path, int recursive, Tcl_Obj** culprit) noexcept;
int delete_file(Tcl_Obj* path) noexcept;
int copy_file(Tcl_Obj* from, Tcl_Obj* to) noexcept;
int rename_file(Tcl_Obj* from, Tcl_Obj* to) noexcept;
int copy_directory(Tcl_Obj* from, Tcl_Obj* to, Tcl_Obj** culprit) noexcept;

// The permissions of a new file: what is asked for, less the umask.
std::uint32_t new_permissions(int wanted) noexcept;

}  // namespace starlit
