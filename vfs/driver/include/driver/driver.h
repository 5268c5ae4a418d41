// SPDX-License-Identifier: MIT
//
// The archive file system for Tcl: a Tcl_Filesystem over the mount table.
//
// Its procedures are thin: each asks the mount table for the place of a path, the archive for the member, and turns
// the answer, or the Error, into what Tcl expects. See Tcl_FSRegister(3tcl).
//
// 1. In an archive mounted for reading every change fails with EROFS; in a writable one it does what it does on a
//    disk.
// 2. In an archive mounted for reading a member is readable whatever its permission bits say; it is executable when
//    it is a directory or has an x bit.
// 3. Symbolic links are followed inside their archive; one that leads out of it leads nowhere (ENOENT).
// 4. `cd` into an archive leaves the process in the nearest real directory, that of the archive's file, so `exec`
//    runs there.

#pragma once

#include <memory>

#include "driver/mounts.h"
#include "driver/tcl.h"
#include "foreign/foreign.h"

namespace starlit {

// Makes the file system known to Tcl, once in the process, and returns its mount table, which lives as long
// as the process.
MountTable& register_driver();

// The mount table when the driver is registered, else null.
MountTable* mount_table() noexcept;

// The archive in the file at a path of Tcl's: of the host, or itself a member of a mounted archive.
struct OpenedArchive {
  std::shared_ptr<Archive> archive;
  std::int64_t mtime_s;
};
OpenedArchive open_archive(Tcl_Interp* interp, Tcl_Obj* path, Access access);

// The same for an archive of another format, which is only read.
OpenedArchive open_foreign_archive(Tcl_Interp* interp, Tcl_Obj* path, ForeignFormat format);

// The name of the driver, as in vfs::NAME::Mount, for a format: our own is nothing.
const char* driver_name(std::optional<ForeignFormat> format) noexcept;

// Mounts an archive and tells Tcl that paths may mean something else now. `point` is absolute and normalised.
void mount_archive(const std::string& point, std::shared_ptr<Archive> archive, std::int64_t root_mtime_s,
                   const char* driver = driver_name(std::nullopt));
void unmount_archive(const std::string& point);

// Archive::hold() for all that is mounted.
void hold_mounts();

// Copies between the host and an archive, or two archives: a file or link, or a directory with all below it. 0 or an
// errno; nothing where a path is of another file system, and Tcl has to do it. `culprit` becomes the path that
// failed, with a reference for the caller.
std::optional<int> copy_across(Tcl_Obj* source, Tcl_Obj* target) noexcept;
std::optional<int> copy_directory_across(Tcl_Obj* source, Tcl_Obj* target, Tcl_Obj** culprit) noexcept;

// Whether a copy between those can move `source`: false for a mount point, for what is or holds the target, also by
// another mount of the same archive, and for the file of the archive that the target lies in.
bool may_move_across(Tcl_Obj* source, Tcl_Obj* target) noexcept;

// `file tempfile nameVariable template` where the template's directory lies in a writable archive; TCL_CONTINUE where
// it does not and Tcl has to do it.
int temporary_file(Tcl_Interp* interp, Tcl_Obj* variable, Tcl_Obj* path_template) noexcept;

// The errno of the last channel of a script's file system that could not be closed, once; else 0. Tcl's own copy between
// file systems does not ask (tclIOUtil.c, TclCrossFilesystemCopy()).
int take_close_error() noexcept;

// How much of a path (its first bytes) lies at or above a mount point and so needs no look at the host: the length of
// the mount point, or nothing where no mount holds the path.
std::optional<std::size_t> mounted_prefix(std::string_view path) noexcept;

}  // namespace starlit
