// SPDX-License-Identifier: MIT

#include "archive/sqlite.h"

#include <mutex>

namespace starlit {

int posix_of(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_OK: return 0;
    case SQLITE_NOMEM: return ENOMEM;
    case SQLITE_FULL: return ENOSPC;
    case SQLITE_READONLY: return EROFS;
    case SQLITE_PERM:
    case SQLITE_AUTH: return EACCES;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return EAGAIN;
    case SQLITE_INTERRUPT: return EINTR;
    case SQLITE_TOOBIG: return EFBIG;
    case SQLITE_CANTOPEN: return ENOENT;
    default: return EIO;
  }
}

Error sqlite_error(sqlite3* database, int code, std::string_view object, std::string_view verb) {
  if ((code & 0xff) == SQLITE_FULL) return posix_error(verb, object, ENOSPC);
  // Names from the archive's schema are in SQLite's messages.
  std::string cause = printable(database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code));
  std::string word = "SQLITE " + std::to_string(code & 0xff);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
      word = "CORRUPT";
      cause = "the archive is damaged (" + cause + ")";
      break;
    case SQLITE_NOTADB:
      word = "NOTDB";
      cause = "the archive is encrypted or damaged (" + cause + ")";
      break;
    case SQLITE_BUSY:
      word = "BUSY";
      cause = "another process or thread is using the archive";
      break;
    case SQLITE_READONLY:
      if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_CANTLOCK) {
        word = "ROLLBACK";
        cause = "a change of it was interrupted and must be undone first (hint: open it once where it can be written)";
      } else if (code == SQLITE_READONLY_DBMOVED) {
        return {ESTALE, "REPLACED",
                quoted(verb, object) + ": another file has taken its place, or it was moved (hint: mount it anew)"};
      }
      break;
    default:
      break;
  }
  int posix = posix_of(code);
  // SQLite's own words for a file that cannot be opened or written do not say why.
  const int system = database != nullptr ? sqlite3_system_errno(database) : 0;
  if ((code & 0xff) == SQLITE_CANTOPEN && system != 0) posix = system;
  if ((code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT)) posix = ENOSPC;
  if (code == SQLITE_IOERR_NOMEM) posix = ENOMEM;
  return {posix, std::move(word), quoted(verb, object) + ": " + cause};
}

// Lookaside memory (SQLite's small-block allocator, 120 KB a connection)
// pays for programs that prepare statements all the time; ours are prepared once. Page caches are the connections' own.
// Pages of archives in memory are read where they lie: up to the size of the largest archive (memory-mapped I/O).
void configure_sqlite() {
  static std::once_flag once;
  std::call_once(once, [] {
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    sqlite3_config(SQLITE_CONFIG_MMAP_SIZE, sqlite3_int64{1} << 40, sqlite3_int64{1} << 40);
  });
}

Database open_database(const std::string& uri, int flags, const char* vfs, std::string_view object) {
  configure_sqlite();
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &raw, flags, vfs);
  Database database(raw);
  if (code != SQLITE_OK) throw sqlite_error(raw, code, object);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(raw, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(raw, SQLITE_LIMIT_SQL_LENGTH, 65536);
  sqlite3_limit(raw, SQLITE_LIMIT_COLUMN, 100);
  sqlite3_limit(raw, SQLITE_LIMIT_EXPR_DEPTH, 20);
  sqlite3_limit(raw, SQLITE_LIMIT_VDBE_OP, 25000);
  sqlite3_limit(raw, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
  sqlite3_limit(raw, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50);
  return database;
}

Statement prepare(sqlite3* database, std::string_view sql, std::string_view object, std::string_view verb) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &raw, nullptr);
  Statement statement(raw);
  if (code != SQLITE_OK) throw sqlite_error(database, code, object, verb);
  return statement;
}

void execute(sqlite3* database, const char* sql, std::string_view object, std::string_view verb) {
  const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw sqlite_error(database, code, object, verb);
}

}  // namespace starlit
