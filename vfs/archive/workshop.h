// SPDX-License-Identifier: MIT
//
// A connection of its own to an archive that is rewritten as a whole: for what Archive and Transaction do not offer,
// such as VACUUM, which cannot run within a transaction.
//
//     kit, plain    the file itself, under SQLite's locks
//     executable    a private copy, while the executable is locked; publish() puts it in place
//
// The change counter of the database is followed from one transaction to the next, so that it is known whether anybody
// else has changed the archive in between.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "archive/sqlite.h"
#include "file_vfs.h"
#include "host_file.h"
#include "starpack.h"

namespace starlit {

class Workshop {
 public:
  // Throws Error for what is no archive, or cannot be written.
  explicit Workshop(const std::string& path);
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;
  ~Workshop();

  sqlite3* database() const noexcept { return database_->get(); }
  const std::string& path() const noexcept { return path_; }
  bool is_executable() const noexcept { return starpack_ != nullptr; }

  // Of the last begin(), or where our own change since has brought it.
  std::uint32_t counter() const noexcept { return counter_; }

  // Whether somebody else has changed the archive since the first begin().
  bool was_changed() const noexcept { return was_changed_; }

  // A transaction that may write: BEGIN IMMEDIATE ... COMMIT. `changes` says whether anything was written.
  void begin();
  void commit(bool changes);

  // Frees unused space.
  void vacuum();

  // Of an executable: makes it what the copy is now.
  void publish();

  // One number that a query gives; nothing without a row.
  std::optional<std::int64_t> number(std::string_view sql) const;

  void step_done(sqlite3_stmt* statement) const;
  bool step_row(sqlite3_stmt* statement) const;

 private:
  std::uint32_t read_counter() const;

  std::string path_;
  std::shared_ptr<const HostFile> host_;
  std::unique_ptr<Starpack> starpack_;
  std::unique_ptr<FileDatabase> database_;
  std::uint32_t counter_ = 0;
  bool has_begun_ = false;
  bool was_changed_ = false;
};

}  // namespace starlit
