// SPDX-License-Identifier: MIT
//
// Input: what the rows of a sound database say, so that no run ends at a check of SQLite's. Numbers are big endian,
// texts have their size in two bytes in front:
//
//     schema    1 byte: which table sqlar (kSchemas); the one behind the last: the SQL that follows as a text
//     rows      each begins with 1 byte, kind; which table its bits 6-7 say:
//
//     0 member  bits 0-2 mode, 3-5 data; 1 byte size; text name; [8 mode]; [4 size]; text data
//     1 fact    bits 3-5 data; 1 byte size; text key; [4 size]; text data
//     2 chunk   bits 3-5 data; 4 number; 2 which piece, 0xffff the version; text data
//
//     mode      0 file, 1 directory, 2 link, 3 zero, 4 unknown, 5 and up: 8 bytes that say it
//     size      0 that of the data before it was deflated, 1 the same and 4 signed bytes, 2 -1, 3 zero, 4 the 4 bytes
//               times 4096
//     data      0 as it is, 1 null, 2 as it is and of type text, 3 deflated, 4 the number of a content in chunks: the
//               text's first 8 bytes

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "archive/chunks.h"
#include "archive/facts.h"
#include "fuzzer.h"

namespace starlit {
namespace {

constexpr std::array kSchemas = {
    "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB)",
    "CREATE TABLE sqlar(name TEXT PRIMARY KEY COLLATE NOCASE, mode INT, mtime INT, sz INT, data BLOB)",
    "CREATE TABLE sqlar(name, mode, mtime, sz, data)",
    "CREATE TABLE sqlar(name INTEGER PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB)",
    "CREATE TABLE sqlar(name TEXT, mode TEXT, mtime TEXT, sz TEXT, data TEXT)",
    "CREATE TABLE sqlar(name TEXT PRIMARY KEY DESC, mode INT, mtime INT, sz INT, data BLOB)",
    "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB) WITHOUT ROWID",
    "CREATE TABLE sqlar(rowid TEXT, name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB)",
    "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);"
    "CREATE INDEX i ON sqlar(name COLLATE RTRIM, sz) WHERE mode > 0; ANALYZE",
    "CREATE TABLE t(name, mode, mtime, sz, data); CREATE VIEW sqlar AS SELECT * FROM t",
};
constexpr std::int64_t kCounter = 7;

// Binds data in the way that `kind` says, for the column `index`.
void bind_data(sqlite3_stmt* insert, int index, std::uint8_t kind, std::string_view data) {
  switch (kind >> 3 & 7) {
    case 1: sqlite3_bind_null(insert, index); break;
    case 2: bind_text(insert, index, data); break;
    case 3: {
      Deflater deflater(kLevelDefault);
      const Bytes deflated = deflater.deflate(as_bytes(data));
      if (!deflated.empty()) data = as_text(deflated);
      sqlite3_bind_blob64(insert, index, data.empty() ? "" : data.data(), data.size(), SQLITE_TRANSIENT);
      break;
    }
    case 4: sqlite3_bind_int64(insert, index, static_cast<std::int64_t>(Choices(as_bytes(data)).number(8))); break;
    default: sqlite3_bind_blob64(insert, index, data.empty() ? "" : data.data(), data.size(), SQLITE_STATIC);
  }
}

std::int64_t mode_of(std::uint8_t kind, Choices& choices) {
  switch (kind & 7) {
    case 0: return S_IFREG | 0644;
    case 1: return S_IFDIR | 0755;
    case 2: return S_IFLNK | 0777;
    case 3: return 0;
    case 4: return S_IFSOCK;
    default: return static_cast<std::int64_t>(choices.number(8));
  }
}

// A member, or a fact, which has the counter in place of the mode.
void put_named(sqlite3_stmt* insert, bool is_fact, std::uint8_t kind, Choices& choices) {
  const std::uint8_t size_kind = choices.byte();
  const std::string_view name = choices.sized_text();
  const std::int64_t mode = is_fact ? kCounter : mode_of(kind, choices);
  const auto number = size_kind == 1 || size_kind == 4 ? static_cast<std::int32_t>(choices.number(4)) : 0;
  const std::string_view data = choices.sized_text();
  std::int64_t size = static_cast<std::int64_t>(data.size()) + number;
  if (size_kind == 2) size = -1;
  if (size_kind == 3) size = 0;
  if (size_kind == 4) size = std::int64_t{number} * 4096;
  bind_text(insert, 1, name);
  sqlite3_bind_int64(insert, 2, mode);
  sqlite3_bind_int64(insert, 3, size);
  bind_data(insert, 4, kind, data);
}

void put_chunk(sqlite3_stmt* insert, std::uint8_t kind, Choices& choices) {
  const auto number = static_cast<std::int64_t>(choices.number(4));
  const auto piece = static_cast<std::int64_t>(choices.number(2));
  sqlite3_bind_int64(insert, 1, number * kChunkIdsPerContent + (piece == 0xffff ? kChunkIdsPerContent - 1 : piece));
  bind_data(insert, 2, kind, choices.sized_text());
}

// The database's bytes, or nothing where the input's schema is none.
std::string database_of(Choices choices) {
  const Database database = open_database(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr, "");
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
  sqlite3_limit(database.get(), SQLITE_LIMIT_LENGTH, 1 << 20);
  int steps = 0;
  sqlite3_progress_handler(
      database.get(), 1000, [](void* count) { return ++*static_cast<int*>(count) > 100 ? 1 : 0; }, &steps);
  const std::uint8_t schema = choices.byte();
  const std::string sql(schema < kSchemas.size() ? kSchemas[schema] : choices.sized_text());
  sqlite3_exec(database.get(), "PRAGMA page_size=512", nullptr, nullptr, nullptr);
  sqlite3_exec(database.get(), kFactSchema, nullptr, nullptr, nullptr);
  sqlite3_exec(database.get(), kChunkSchema, nullptr, nullptr, nullptr);
  if (sqlite3_exec(database.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return {};
  if (sqlite3_get_autocommit(database.get()) == 0) return {};

  // In the order of the tables' numbers; none where the schema has no such columns.
  std::array<Statement, 3> inserts;
  static constexpr std::array kInserts = {
      "INSERT INTO sqlar(name, mode, mtime, sz, data) VALUES(?1, ?2, 1e9, ?3, ?4)",
      "INSERT INTO starlit_fact(key, counter, sz, data) VALUES(?1, ?2, ?3, ?4)",
      "INSERT INTO starlit_chunk(id, data) VALUES(?1, ?2)"};
  for (std::size_t i = 0; i < inserts.size(); ++i) {
    sqlite3_stmt* raw = nullptr;
    sqlite3_prepare_v2(database.get(), kInserts[i], -1, &raw, nullptr);
    inserts[i].reset(raw);
  }
  while (!choices.empty()) {
    const std::uint8_t kind = choices.byte();
    const std::size_t table = std::min<std::size_t>(kind >> 6, 2);
    sqlite3_stmt* insert = inserts[table].get();
    if (insert == nullptr) continue;
    const Use use(insert);
    if (table == 2) {
      put_chunk(insert, kind, choices);
    } else {
      put_named(insert, table == 1, kind, choices);
    }
    sqlite3_step(insert);  // the second row of a name is not wanted
  }

  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, Calls<sqlite3_free>> bytes(
      sqlite3_serialize(database.get(), "main", &size, 0));
  std::string text(reinterpret_cast<const char*>(bytes.get()), bytes ? static_cast<std::size_t>(size) : 0);
  if (text.size() < 100) return {};
  // A database in memory has no change counter; facts need one.
  text[27] = text[95] = static_cast<char>(kCounter);
  return text;
}

}  // namespace

bool run_input(Bytes input) {
  const std::string database = database_of(Choices(input));
  if (database.empty()) return false;
  bool good = true;
  const bool opened = answers([&] { good = explore(*Archive::open_bytes(as_bytes(database), "app.kit")); });
  return opened && good;
}

}  // namespace starlit
