// SPDX-License-Identifier: MIT
//
// starlit::archive lines FILE TITLE ?-option value ...?
//
//     The members of an archive of any format as lines of text, directory by directory: for each an empty line, a
//     headline "TITLE/DIRECTORY:", and what is in it. All is written by this one command, as of many members a line each
//     in Tcl takes seconds.
//
//     -directory NAME   that one only
//     -long BOOLEAN     permissions, size as stored, and of directories all of it too
//     -offset PREFIX    called with a time in seconds, gives how many seconds local time is ahead of UTC then; without
//                       it times are in UTC
//     -reverse BOOLEAN  within each directory the other way round
//     -runtime BOOLEAN  the members of a runtime too
//     -sort KEY         name (the default); size, the largest first; time, the newest first
//
// Names and targets stay on one line: control characters are written as \x and two digits.

#pragma once

#include "command_table.h"

namespace starlit {

Obj archive_lines(Tcl_Interp* interp, Arguments arguments);

}  // namespace starlit
