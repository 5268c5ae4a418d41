// SPDX-License-Identifier: MIT
//
// Databases whose schema means harm, or is not that of an archive: each is a clear error or harmless.

#include "archive/sqlite.h"

#include "archive/packages.h"
#include "support.h"

using namespace starlit;

namespace {

constexpr const char* kMember = "INSERT INTO sqlar(name, mode, mtime, sz, data) VALUES('a', 33188, 0, 1, x'78');";

Error open_error(const std::string& sql) {
  const std::string bytes = database_bytes(sql);
  return error_of([&] { Archive::open_bytes(as_bytes(bytes), "app.kit"); });
}

// Uses all of an archive; what it gives is bounded or an Error.
void use(const std::string& sql) {
  const std::string bytes = database_bytes(sql);
  INFO(sql);
  sqlite3_memory_highwater(1);
  try {
    const auto archive = Archive::open_bytes(as_bytes(bytes), "app.kit");
    int steps = 0;
    sqlite3_progress_handler(
        archive->database(), 1000, [](void* count) { return ++*static_cast<int*>(count) > 1000 ? 1 : 0; }, &steps);
    archive->find("a");
    children_of(*archive, "");
    for (const std::string& name : names_of(*archive)) {
      if (const auto reader = archive->open(name)) CHECK(reader->size_bytes() <= 2000000);
    }
    archive->may_hold_links();
    find_packages(*archive, "a");
    runtime_members(*archive);
    CHECK(steps <= 1000);
  } catch (const Error& error) {
    CHECK_FALSE(error.text().empty());
  }
  CHECK(sqlite3_memory_highwater(1) < 20'000'000);
}

}  // namespace

TEST_CASE("SQLite's codes become the nearest errno") {
  CHECK(posix_of(SQLITE_OK) == 0);
  CHECK(posix_of(SQLITE_NOMEM) == ENOMEM);
  CHECK(posix_of(SQLITE_FULL) == ENOSPC);
  CHECK(posix_of(SQLITE_READONLY) == EROFS);
  CHECK(posix_of(SQLITE_READONLY_DBMOVED) == EROFS);
  CHECK(posix_of(SQLITE_PERM) == EACCES);
  CHECK(posix_of(SQLITE_BUSY_SNAPSHOT) == EAGAIN);
  CHECK(posix_of(SQLITE_CORRUPT) == EIO);
  CHECK(posix_of(SQLITE_IOERR_READ) == EIO);
  CHECK(posix_of(SQLITE_NOTADB) == EIO);
  CHECK(posix_of(SQLITE_TOOBIG) == EFBIG);
}

TEST_CASE("a schema's names keep a message on its line, and say nothing to a terminal") {
  const Error error = open_error(
      "CREATE TABLE t(x); PRAGMA writable_schema=ON;"
      "UPDATE sqlite_schema SET name = 'a' || char(10) || char(27) || 'c', tbl_name = 't', sql = 'CREATE nonsense';");
  CHECK(error.code() == "CORRUPT");
  CHECK(error.text() ==
        "couldn't read \"app.kit\": the archive is damaged (malformed database schema (a\\x0a\\x1bc) - "
        "near \"nonsense\": syntax error)");
}

TEST_CASE("an sqlar that is a view is refused") {
  const Error error = open_error("CREATE TABLE t(name, mode, mtime, sz, data); CREATE VIEW sqlar AS SELECT * FROM t;");
  CHECK(error.code() == "NOTSQLAR");
  CHECK(error.text() == "couldn't open \"app.kit\": its sqlar is not an ordinary table");
}

TEST_CASE("an sqlar that is a virtual table is refused") {
  CHECK(open_error("CREATE VIRTUAL TABLE sqlar USING fts4(name, mode, mtime, sz, data);").code() == "NOTSQLAR");
}

TEST_CASE("an sqlar that is an index or a trigger is no archive") {
  CHECK(open_error("CREATE TABLE t(x); CREATE INDEX sqlar ON t(x);").code() == "NOTSQLAR");
}

TEST_CASE("an sqlar without one of its columns is refused when it is opened") {
  for (const char* columns : {"name, mode, mtime, sz", "name, mode, mtime, data", "name, mode, sz, data",
                              "name, mtime, sz, data", "mode, mtime, sz, data", "x"}) {
    INFO(columns);
    CHECK(open_error("CREATE TABLE sqlar(" + std::string(columns) + ");")
              .text()
              .starts_with("couldn't read \"app.kit\": no such column: "));
  }
}

TEST_CASE("an sqlar with a further column is read without it") {
  const std::string bytes = database_bytes(
      "CREATE TABLE sqlar(extra INT DEFAULT 7, name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);" +
      std::string(kMember));
  const auto archive = Archive::open_bytes(as_bytes(bytes), "app.kit");
  CHECK(content_of(*archive, "a") == "x");
}

TEST_CASE("triggers are harmless") {
  use(std::string(kSqlar) + kMember +
      "CREATE TRIGGER t AFTER INSERT ON sqlar BEGIN INSERT INTO sqlar VALUES('b', randomblob(1000000000), 0, 0, 0); END;");
}

TEST_CASE("a CHECK that calls a function is harmless") {
  use("CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB,"
      "CHECK(length(printf('%1000s', name)) > 0));" + std::string(kMember));
}

TEST_CASE("generated columns give no more than they could store") {
  const char* kinds[] = {
      "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT AS (1000000000), data BLOB AS "
      "(zeroblob(1000000000)));INSERT INTO sqlar(name, mode, mtime) VALUES('a', 33188, 0);",
      "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB AS "
      "(replace(hex(zeroblob(500000)), '00', 'abcd')));INSERT INTO sqlar(name, mode, mtime, sz) VALUES('a', 33188, 0, "
      "2000000);",
      "CREATE TABLE sqlar(k TEXT PRIMARY KEY, name TEXT AS (printf('%.*c', 1000000, 'x')), mode INT, mtime INT, sz INT, "
      "data BLOB);INSERT INTO sqlar(k, mode, mtime, sz, data) VALUES('a', 33188, 0, 1, x'78');",
  };
  for (const char* sql : kinds) use(sql);
}

TEST_CASE("other tables that are views, virtual or have other columns are harmless") {
  const std::string archive = std::string(kSqlar) + kMember;
  use(archive + "CREATE VIEW starlit_fact AS SELECT 'linkless' AS key, 1 AS counter, 0 AS sz, '' AS data;");
  use(archive + "CREATE TABLE starlit_fact(x);");
  use(archive + "CREATE VIRTUAL TABLE starlit_fact USING fts4(key, counter, sz, data);");
  const std::string facts = archive + "CREATE TABLE starlit_fact(key TEXT PRIMARY KEY, counter INT, sz INT, data BLOB);";
  use(facts + "INSERT INTO starlit_fact VALUES('linkless', 'many', -1, 7), ('packages', NULL, NULL, NULL);");
  use(facts + "INSERT INTO starlit_fact VALUES('packages', 1, 1000000000000, x'78'), ('runtime', 1, 500000000, x'789c');");
}

TEST_CASE("other collations and shapes of sqlar are harmless") {
  for (const char* shape :
       {"name TEXT COLLATE NOCASE PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB",
        "name TEXT COLLATE RTRIM PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB",
        "name BLOB PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB", "name, mode, mtime, sz, data",
        "name INTEGER PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB"}) {
    use("CREATE TABLE sqlar(" + std::string(shape) +
        ");INSERT OR IGNORE INTO sqlar VALUES(1,33188,0,1,x'78'),(2,33188,0,1,x'78');");
  }
  for (const char* shape : {"name TEXT COLLATE NOCASE PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB",
                            "name TEXT COLLATE RTRIM PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB",
                            "name, mode, mtime, sz, data",
                            "name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB) WITHOUT ROWID; SELECT (1"}) {
    use("CREATE TABLE sqlar(" + std::string(shape) +
        ");INSERT OR IGNORE INTO sqlar VALUES('a/b',33188,0,1,x'78'),('A/C',33188,0,1,x'78'),('A',16877,0,0,NULL),"
        "('a ',33188,0,1,x'78'),('a/b/c',33188,0,1,x'78'),('B/x',33188,0,1,x'78'),('b',33188,0,1,x'78');");
  }
}

TEST_CASE("values of the wrong types are harmless") {
  use(std::string(kSqlar) +
      "INSERT INTO sqlar VALUES(NULL, 33188, 0, 1, x'78'), (x'61', 33188, 0, 1, x'78'), ('b', 'x', 'y', 'z', 1),"
      "('c', 33188.5, 1e300, 3, 3.5), ('d', 33188, 0, 1e18, 'e'), ('f', NULL, NULL, NULL, NULL), (7, -1, -1, -1, -1);");
  use(std::string(kSqlar) + "INSERT INTO sqlar VALUES('a', 33188, 0, 9, CAST(x'6100ff' AS TEXT));");
  use(std::string(kSqlar) + "INSERT INTO sqlar VALUES('l', 41471, 0, -1, NULL), ('m', 41471, 0, 5, 7);");
  use(std::string(kSqlar) + "INSERT INTO sqlar VALUES(CAST(x'61ff2f62' AS TEXT), 33188, 0, 1, x'78');");
}

TEST_CASE("a database that does not match its schema is damage") {
  const std::string bytes = database_bytes(
      std::string(kSqlar) + kMember +
      "PRAGMA writable_schema=1; UPDATE sqlite_schema SET rootpage = 2000 WHERE name = 'sqlar';");
  CHECK(error_of([&] {
          const auto archive = Archive::open_bytes(as_bytes(bytes), "app.kit");
          archive->find("a");
          names_of(*archive);
        }).posix() == EIO);
  use(std::string(kSqlar) + kMember +
      "PRAGMA writable_schema=1; UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'sqlar';");
  use(std::string(kSqlar) + kMember +
      "PRAGMA writable_schema=1; UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'sqlar';");
}

TEST_CASE("generated columns, which run code of the author, are refused") {
  for (const char* column : {"data BLOB AS (hex(zeroblob(450000000)))", "data BLOB AS (x'78') STORED"}) {
    const std::string bytes = database_bytes("CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, " +
                                             std::string(column) + "); INSERT INTO sqlar VALUES('a', 33188, 0, 1);");
    CHECK(error_of([&] { Archive::open_bytes(as_bytes(bytes), "app.kit"); }).code() == "NOTSQLAR");
  }
}
