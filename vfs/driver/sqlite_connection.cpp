// SPDX-License-Identifier: MIT
//
// How the package sqlite3 opens its connections: its calls of sqlite3_open_v2() come here (runtime/tclsqlite.cmake).
//
// 1. Without -vfs a connection sees what Tcl sees: host and mounts (member_vfs.h). ATTACH does as well.
// 2. Settings that the archives have made for themselves (configure_sqlite() in archive/sqlite.cpp) do not reach it:
//    its files are not memory-mapped unless the user says PRAGMA mmap_size.
// 3. A mounted archive is untrusted: opened as the main database, its schema runs no code but that of harmless
//    functions (https://www.sqlite.org/security.html). Who changes the archive meanwhile is waited for.
// 4. Every connection has the functions of SQLite's archive tool, so that SQL reads the members' content:
//
//     sqlar_uncompress(data, sz)   the content of a row of sqlar
//     sqlar_compress(content)      what to store for it: deflated where that is smaller

#include <memory>
#include <new>

#include "archive/codec.h"
#include "member_vfs.h"

namespace starlit {
namespace {

// A function's tool, made at its first call, gone with its connection.
template <typename Tool>
struct Lazy {
  std::unique_ptr<Tool> tool;

  static Lazy* of(sqlite3_context* context) { return static_cast<Lazy*>(sqlite3_user_data(context)); }
  static void destroy(void* lazy) noexcept { delete static_cast<Lazy*>(lazy); }
};

Bytes blob_of(sqlite3_value* value) {
  const auto* data = static_cast<const std::byte*>(sqlite3_value_blob(value));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

void sqlar_uncompress(sqlite3_context* context, int, sqlite3_value** values) noexcept {
  try {
    const sqlite3_int64 size = sqlite3_value_int64(values[1]);
    const Bytes data = blob_of(values[0]);
    const auto stored = static_cast<sqlite3_int64>(data.size());
    if (size <= 0 || size == stored) return sqlite3_result_value(context, values[0]);
    if (size > sqlite3_limit(sqlite3_context_db_handle(context), SQLITE_LIMIT_LENGTH, -1)) {
      return sqlite3_result_error_toobig(context);
    }
    if (size < stored || size / kDeflateRatioMax > stored) {
      return sqlite3_result_error(context, "couldn't inflate data: its size lies", -1);
    }
    const std::unique_ptr<void, Calls<sqlite3_free>> owned(sqlite3_malloc64(static_cast<sqlite3_uint64>(size)));
    if (!owned) throw std::bad_alloc();
    auto& inflater = Lazy<Inflater>::of(context)->tool;
    if (!inflater) inflater = std::make_unique<Inflater>();
    if (!inflater->inflate(data, {static_cast<std::byte*>(owned.get()), static_cast<std::size_t>(size)})) {
      return sqlite3_result_error(context, "couldn't inflate data: it is damaged", -1);
    }
    sqlite3_result_blob64(context, owned.get(), static_cast<sqlite3_uint64>(size), SQLITE_TRANSIENT);
  } catch (const std::exception&) {
    sqlite3_result_error_nomem(context);
  }
}

void sqlar_compress(sqlite3_context* context, int, sqlite3_value** values) noexcept {
  try {
    if (sqlite3_value_type(values[0]) != SQLITE_BLOB) return sqlite3_result_value(context, values[0]);
    auto& deflater = Lazy<Deflater>::of(context)->tool;
    if (!deflater) deflater = std::make_unique<Deflater>(kLevelDefault);
    const Bytes deflated = deflater->deflate(blob_of(values[0]));
    if (deflated.empty()) return sqlite3_result_value(context, values[0]);
    sqlite3_result_blob64(context, deflated.data(), deflated.size(), SQLITE_TRANSIENT);
  } catch (const std::exception&) {
    sqlite3_result_error_nomem(context);
  }
}

template <typename Tool>
int create_function(sqlite3* database, const char* name, int arguments,
                    void (*run)(sqlite3_context*, int, sqlite3_value**)) {
  auto* lazy = new (std::nothrow) Lazy<Tool>;
  if (lazy == nullptr) return SQLITE_NOMEM;
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  return sqlite3_create_function_v2(database, name, arguments, kFlags, lazy, run, nullptr, nullptr,
                                    Lazy<Tool>::destroy);
}

}  // namespace
}  // namespace starlit

extern "C" int starlit_sqlite3_open_v2(const char* name, sqlite3** database, int flags, const char* vfs) noexcept {
  using namespace starlit;
  int code = sqlite3_open_v2(name, database, flags, vfs != nullptr ? vfs : member_vfs());
  if (code != SQLITE_OK) return code;
  code = sqlite3_exec(*database, "PRAGMA mmap_size=0", nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) code = create_function<Inflater>(*database, "sqlar_uncompress", 2, sqlar_uncompress);
  if (code == SQLITE_OK) code = create_function<Deflater>(*database, "sqlar_compress", 1, sqlar_compress);
  if (code == SQLITE_OK && is_archive_database(*database)) {
    sqlite3_db_config(*database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(*database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_busy_timeout(*database, kBusyTimeoutMs);
  }
  return code;
}
