// SPDX-License-Identifier: MIT
//
// The Tcl commands over archives and mounts. Each is one row of a table: name, arguments for `wrong # args`, function.
//
//     vfs::sqlar::Mount ARCHIVE ?MOUNTPOINT? ?-readonly?   -> mount point
//         Makes an archive appear as a directory, by default at its own path. ARCHIVE may be a member of a mounted one.
//     vfs::sqlar::Unmount MOUNTPOINT
//         Refused while files in it are open (STARLIT BUSY).
//     vfs::mk4::Mount FILE ?MOUNTPOINT? ?-readonly? ?-nocommit?, vfs::zip::Mount FILE ?MOUNTPOINT? ?-readonly?
//         The same for a Metakit or zip file, always read-only.
//     vfs::mk4::Unmount HANDLE MOUNTPOINT, vfs::zip::Unmount HANDLE MOUNTPOINT
//         HANDLE, what Mount returned, is for the commands of tclvfs, which want it.
//     starlit::mounts ?PATH?                               -> list of {mountpoint archive state driver}
//         All mounts, or the one that holds PATH.
//     starlit::handlers mount, unmount, info, posixerror, internalerror, errnos
//         File systems whose files a script's commands answer for; see handler_commands.cpp.
//     starlit::package_index find NAME AUTO_PATH TM_PATHS  -> dict: complete, indexes, modules
//         Where the recorded package indices say that a package is; see package_commands.cpp.
//     starlit::archive create OUTPUT ENTRIES ?-option value ...?   -> dict: members, bytes, content
//     starlit::archive list FILE ?-runtime BOOLEAN?                -> list of {name type mode mtime size stored target}
//     starlit::archive extract FILE DIRECTORY ?-option value ...?  -> number of members
//     starlit::archive info FILE                                   -> dict: format, prefix, size, pagesize, version, ...
//     starlit::archive packages FILE                               -> list of {name version directory module}
//         See archive_commands.cpp.
//     starlit::archive add, delete, index, vacuum, check
//         Archives that are there; see archive_upkeep.h.
//     starlit::sha256 data BYTES, starlit::sha256 channel CHANNEL  -> 64 hexadecimal digits
//     starlit::md5 data BYTES, starlit::md5 channel CHANNEL        -> 32 hexadecimal digits
//         See digest_commands.cpp.
//     starlit::script commands TEXT, starlit::script expression TEXT
//         What Tcl's parser makes of a script; see script_commands.cpp.
//     starlit::interrupts trap|check|end
//         SIGINT, SIGTERM and SIGHUP as errors in the script; see interrupt_commands.cpp.
//     starlit::confined SECONDS BYTES SCRIPT               -> the script's result
//         In a process of its own, with so much time and memory; see confined_command.cpp.
//     starlit::beneath hold DIRECTORY                      -> number, of the directory held open until release or the end
//     starlit::beneath open NUMBER NAME FLAGS ?PERMISSIONS?        -> channel; FLAGS as words of open(n)
//     starlit::beneath stat NUMBER NAME                            -> dict: type mode size atime mtime ctime
//     starlit::beneath list NUMBER NAME                            -> {name type ...}
//     starlit::beneath mkdir|delete NUMBER NAME, rename NUMBER NAME NUMBER NAME, release NUMBER
//         Files of the host below a directory, reached without following a link; see beneath_commands.cpp.
//
// Errors: errorCode {STARLIT word ...} or {POSIX ...}.

#pragma once

#include "driver/tcl.h"

namespace starlit {

void create_mount_commands(Tcl_Interp* interp);
void create_handler_command(Tcl_Interp* interp);
void create_package_commands(Tcl_Interp* interp);
void create_archive_commands(Tcl_Interp* interp);
void create_digest_commands(Tcl_Interp* interp);
void create_script_commands(Tcl_Interp* interp);
void create_interrupt_command(Tcl_Interp* interp);
void create_confined_command(Tcl_Interp* interp);
void create_beneath_command(Tcl_Interp* interp);

}  // namespace starlit
