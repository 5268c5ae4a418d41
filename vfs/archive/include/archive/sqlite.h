// SPDX-License-Identifier: MIT
//
// SQLite's handles and errors, for the archive layer alone.
//
// 1. Every database is opened defensively: no trust in its schema, no writes to shadow tables, no extensions, cell
//    sizes checked, small limits (https://www.sqlite.org/security.html).
// 2. An SQLite result code becomes an errno in one place, posix_of().

#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/handle.h"

namespace starlit {

using Database = std::unique_ptr<sqlite3, Calls<sqlite3_close_v2>>;
using Statement = std::unique_ptr<sqlite3_stmt, Calls<sqlite3_finalize>>;

// The errno that says best what an SQLite result code (extended ones too) means to a caller of a file system.
int posix_of(int code) noexcept;

// Sets SQLite up for this process, once; before its first use.
void configure_sqlite();

// How long to wait for another connection that is changing an archive.
inline constexpr int kBusyTimeoutMs = 5000;

inline constexpr std::string_view kReading = "couldn't read";
inline constexpr std::string_view kWriting = "couldn't write";

// An Error for what `database` reports last: `verb "object": ...`; `object` is the archive's path.
Error sqlite_error(sqlite3* database, int code, std::string_view object, std::string_view verb = kReading);

// Opens and hardens. `flags` are SQLite's. `vfs` is the name of a registered VFS or null for the default one.
Database open_database(const std::string& uri, int flags, const char* vfs, std::string_view object);

Statement prepare(sqlite3* database, std::string_view sql, std::string_view object,
                  std::string_view verb = kReading);

void execute(sqlite3* database, const char* sql, std::string_view object, std::string_view verb = kReading);

// Resets a statement and its bindings when the scope that uses it ends, so that it holds no lock.
class Use {
 public:
  explicit Use(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() { sqlite3_reset(statement_); }

 private:
  sqlite3_stmt* statement_;
};

// Binds a text that outlives the statement's use. An empty one is an empty text, never null.
inline void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_text(statement, index, text.data() == nullptr ? "" : text.data(), static_cast<int>(text.size()),
                    SQLITE_STATIC);
}

inline std::string_view column_text(sqlite3_stmt* row, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  return {text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_column_bytes(row, column))};
}

inline Bytes column_blob(sqlite3_stmt* row, int column) {
  const auto* blob = static_cast<const std::byte*>(sqlite3_column_blob(row, column));
  return {blob, blob == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(row, column))};
}

}  // namespace starlit
