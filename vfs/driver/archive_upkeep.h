// SPDX-License-Identifier: MIT
//
// Subcommands of starlit::archive for archives that are there. FILE is opened on its own, not through a mount.
//
// starlit::archive add FILE ENTRIES ?-option value ...?     -> dict: made, replaced, deleted, content, bytes
//
//     ENTRIES           as for create; all are made or replaced, or none. Also
//                           {NAME attributes MODE MTIME}  of a file or directory that is there; its content stays
//     -delete NAMES     first deletes these members, directories with all below them, in the same transaction
//     -now SECONDS      as for delete
//     -clamp SECONDS    later times become this one
//     -progress PREFIX  called with the bytes done and in all
//
// starlit::archive delete FILE NAMES ?-option value ...?    -> number of members
//
//     -recursive BOOLEAN  directories too, with all below
//     -force BOOLEAN      members of the runtime too
//     -now SECONDS        the time that directories get in which something is deleted
//
// starlit::archive index FILE COUNTER PACKAGES
//
//     Records PACKAGES, a list of {name version directory module}, as the package index of all that is in the archive.
//     Refused (STARLIT CHANGED) when its change counter is no longer COUNTER.
//
// starlit::archive vacuum FILE ?-option value ...?          -> dict: before, after, chunks, deflated, indexed
//
//     -level N          deflates every content anew at this level, 0: none; without it, what was deflated fast
//     -index LIST       {COUNTER PACKAGES}, as for index
//     -output FILE      makes this file and leaves the other alone
//     -progress PREFIX  called with the bytes done and in all
//
// starlit::archive check FILE ?-option value ...?
//     -> dict: members, content, count, faults, free, lostchunks, lostbytes, journal, mark
//
//     -repair BOOLEAN   rolls back a change that was cut off, and gives back a mark that is lost
//     -progress PREFIX  called with the bytes done and in all
//
//     `faults` is a list of {code member text}, of the first 1000 of `count`; `journal` is none, hot or rolledback; `mark` is 1 where it was
//     lost.

#pragma once

#include "command_table.h"

namespace starlit {

Obj add_archive_members(Tcl_Interp* interp, Arguments arguments);
Obj delete_archive_members(Tcl_Interp* interp, Arguments arguments);
Obj index_archive(Tcl_Interp* interp, Arguments arguments);
Obj vacuum_archive_file(Tcl_Interp* interp, Arguments arguments);
Obj check_archive_file(Tcl_Interp* interp, Arguments arguments);

}  // namespace starlit
