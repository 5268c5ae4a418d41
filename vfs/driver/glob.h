// SPDX-License-Identifier: MIT
//
// `glob` in archives, and the mounts in any directory: the driver's Tcl_FSMatchInDirectoryProc.

#pragma once

#include "driver/tcl.h"

namespace starlit {

int match_in_directory(Tcl_Interp* interp, Tcl_Obj* result, Tcl_Obj* path, const char* pattern,
                       Tcl_GlobTypeData* types) noexcept;

}  // namespace starlit
