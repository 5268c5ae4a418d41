// SPDX-License-Identifier: MIT
//
// What Tcl asks about files in archives: stat, access, the target of a link, attributes, `cd`.

#pragma once

#include "driver/tcl.h"

namespace starlit {

int stat_path(Tcl_Obj* path, Tcl_StatBuf* status) noexcept;
int lstat_path(Tcl_Obj* path, Tcl_StatBuf* status) noexcept;
int access_path(Tcl_Obj* path, int mode) noexcept;
int change_directory(Tcl_Obj* path) noexcept;

// -group, -owner and -permissions as for files of the host; -stored: the bytes that the content takes in the archive.
const char* const* attribute_names(Tcl_Obj* path, Tcl_Obj** list) noexcept;
int get_attribute(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj** value) noexcept;

enum class Attribute { kGroup, kOwner, kPermissions, kStored };

// An index may be none: a path may have been another file system's when Tcl asked for the names.
constexpr int kAttributeCount = 4;

}  // namespace starlit
