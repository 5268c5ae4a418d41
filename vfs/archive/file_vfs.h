// SPDX-License-Identifier: MIT
//
// SQLite's way to a database that begins at an offset of its file (https://www.sqlite.org/vfs.html).
//
//     file   [ prefix ][ database            ][ room to grow ][ mark ]
//
// 1. Locks are those of SQLite's own Unix VFS, byte for byte, where the sqlite3 shell's --append looks for them, so that
//    each respects the other. They are open file description locks (fcntl(2), F_OFD_SETLK): connections of one process
//    exclude one another like those of two, and nobody loses them by closing the file elsewhere in the process.
// 2. At every moment, also after a power failure, a file with a mark ends with it. A database that grows gets room by a
//    new mark further behind, and that mark is durable before the old one is overwritten. What room is left is taken
//    away by trim().
// 3. The journal lies beside the file and is reached through HostFile, never by a path.
// 4. No shared memory (no WAL) and no memory mapping: another process may shorten the file at any time, which a mapping
//    answers with SIGBUS and a read with an error.

#pragma once

#include <memory>

#include "archive/mark.h"
#include "archive/sqlite.h"
#include "host_file.h"

namespace starlit {

class FileVfs;

// A connection to a database in a file. Its VFS lives as long as it does.
class FileDatabase {
 public:
  FileDatabase() noexcept;
  FileDatabase(FileDatabase&&) noexcept;
  FileDatabase& operator=(FileDatabase&&) noexcept;
  ~FileDatabase();

  // Opens the database at `location`. Throws Error.
  FileDatabase(std::shared_ptr<const HostFile> host, const Location& location, Access access);

  // A plain database in a file that nobody else has: no locks, its journal in memory. `path` is for messages.
  FileDatabase(std::shared_ptr<const HostFile> host, const Fd& file);

  sqlite3* get() const noexcept { return database_.get(); }

  // Takes away the room behind the database and the journal beside it, where nobody else uses the file at this moment;
  // else leaves that to the other. For a connection that has no transaction open.
  void trim() noexcept;

 private:
  void wait_for_others() noexcept;

  std::unique_ptr<FileVfs> vfs_;
  Database database_;
};

}  // namespace starlit
