// SPDX-License-Identifier: MIT
//
// SQLite's way to databases that lie in mounted archives, and to the archives themselves
// (https://www.sqlite.org/vfs.html).
//
//     a path of the host         SQLite's own VFS for Unix, untouched
//     a file in a mount          that member's content, read-only
//     a mount point              the mounted archive's own database, read-only
//
// 1. A path means what it means to Tcl: a relative one counts from Tcl's working directory, and links are followed in
//    the host and in archives.
// 2. What is opened for writing is read-only all the same, and SQLite says so at the first write, as for a file of
//    the host that may not be written. Nothing is created in a mount: what is not there cannot be opened.
// 3. A member is immutable: it is read as it was when it was opened, without locks, in WAL mode, too. One whose last
//    changes still lie in a journal or a WAL beside it cannot be opened, since they cannot be played back.
// 4. An archive in a file is read through a file descriptor and with locks of its own, so that each statement sees
//    one state of it, whoever writes to it. An archive in memory does not change.
// 5. An open database counts as an open file of its mount, which cannot be unmounted meanwhile.
// 6. A temporary file for which the host has no place, as in an empty root, lies in memory.
//
// Members of more than 16 MB are read piece by piece (MemberReader): at any place, but from the beginning on where
// they are deflated as a whole.

#pragma once

#include "archive/sqlite.h"

namespace starlit {

// Registers the VFS, once in the process and never as the default one; its name. Its connections belong to threads
// that use Tcl.
const char* member_vfs();

// Whether the connection's main database is a mounted archive itself.
bool is_archive_database(sqlite3* database) noexcept;

}  // namespace starlit
