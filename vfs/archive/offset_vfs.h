// SPDX-License-Identifier: MIT
//
// A database that begins at an offset of its file, for SQLite.
//
// A thin VFS over SQLite's own for Unix: reads and writes go to the offset, everything else passes through, the locks
// too. The lock bytes therefore lie where the sqlite3 shell's --append looks for them, and both respect each other.
// It offers no shared memory (no WAL) and no memory mapping: another process may shorten the file at any time, which a
// mapping answers with SIGBUS and a read with an error.

#pragma once

#include "archive/mark.h"
#include "archive/sqlite.h"

namespace starlit {

// Opens the database at `location` in the file at `path`; `flags` are sqlite3_open_v2's.
Database open_at_offset(const std::string& path, const Location& location, int flags);

}  // namespace starlit
