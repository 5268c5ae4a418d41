// SPDX-License-Identifier: MIT
//
// The archive as a tree of members: finding them, listing them, following links. Content is in reader_test.cpp, what is
// hostile about a database's schema in sqlite_test.cpp.

#include "archive/archive.h"

#include <sys/stat.h>

#include <chrono>
#include <set>

#include "archive/chunks.h"
#include "support.h"

using namespace starlit;

namespace {

// Rows as SQL values: a file with the content "x", a directory, a link.
std::string row(const std::string& name) {
  return "INSERT INTO sqlar VALUES('" + name + "', 33188, 1, 1, x'78');";
}
std::string directory_row(const std::string& name) {
  return "INSERT INTO sqlar VALUES('" + name + "', 16877, 1, 0, NULL);";
}
std::string link_row(const std::string& name, const std::string& target) {
  return "INSERT INTO sqlar VALUES('" + name + "', 41471, 1, -1, '" + target + "');";
}

std::optional<std::string> followed(Archive& archive, std::string_view name) { return archive.resolve(name, true); }

constexpr std::size_t kPage = 512;

// Replaces `from` by `to` (of one length) in the archive's index of names only: the table keeps what it says.
std::string with_index_changed(std::string bytes, std::string_view from, std::string_view to) {
  int changed = 0;
  for (std::size_t page = 0; page < bytes.size(); page += kPage) {
    const std::size_t type = page == 0 ? 100 : page;
    if (bytes[type] != 10 && bytes[type] != 2) continue;  // a page of an index: https://www.sqlite.org/fileformat2.html
    const std::size_t at = std::string_view(bytes).substr(page, kPage).find(from);
    if (at == std::string_view::npos) continue;
    bytes.replace(page + at, from.size(), to);
    ++changed;
  }
  REQUIRE(changed == 1);
  return bytes;
}

}  // namespace

TEST_CASE("names that imply a thousand times more directories than they have letters are refused") {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "d/";
  std::string rows;
  for (int i = 100; i < 200; ++i) rows += row(std::to_string(i) + "/" + deep + "f");
  SqlArchive hostile(rows);
  const Error error = error_of([&] { hostile->each([](std::string_view, const Member&) {}); });
  CHECK(error.text().ends_with(": its names imply too many directories"));

  // As many directories that are members, and one name as deep as names can be.
  rows = row(deep + deep + "f");
  for (std::size_t size = 2; size <= deep.size(); size += 2) rows += directory_row("a/" + deep.substr(0, size - 1));
  SqlArchive sound(rows);
  int members = 0;
  sound->each([&](std::string_view, const Member&) { ++members; });
  CHECK(members == 1001);
}

TEST_CASE("a member is found by its exact name") {
  SqlArchive archive(row("lib/a.tcl") + directory_row("lib"));
  const auto member = archive->find("lib/a.tcl");
  REQUIRE(member);
  CHECK(member->type == MemberType::kFile);
  CHECK(member->permissions == 0644);
  CHECK(member->mode() == (S_IFREG | 0644));
  CHECK(member->mtime_s == 1);
  CHECK(member->size_bytes == 1);
  CHECK(archive->find("lib")->mode() == (S_IFDIR | 0755));
  for (const std::string_view name : {"lib/b.tcl", "LIB/a.tcl", "lib/", "/lib", "lib/a.tcl/", "lib/a.tcl/x", "a.tcl"}) {
    INFO(name);
    CHECK_FALSE(archive->find(name));
  }
}

TEST_CASE("the root is a directory, also of an empty archive") {
  SqlArchive archive("");
  REQUIRE(archive->find(""));
  CHECK(archive->find("")->mode() == (S_IFDIR | 0755));
  CHECK(children_of(*archive, "").empty());
  CHECK(names_of(*archive).empty());
}

TEST_CASE("a directory that is only implied is there like any other") {
  SqlArchive archive(row("a/b/c"));
  CHECK(archive->find("a")->mode() == (S_IFDIR | 0755));
  CHECK(archive->find("a/b")->type == MemberType::kDirectory);
  CHECK_FALSE(archive->find("a/bb"));
  CHECK_FALSE(archive->find("a/b/"));
  CHECK(children_of(*archive, "") == Names{"a"});
  CHECK(children_of(*archive, "a") == Names{"b"});
  CHECK(names_of(*archive) == Names{"a/b/c"});
}

TEST_CASE("permissions and times of members are theirs") {
  SqlArchive archive(
      "INSERT INTO sqlar VALUES('old', 33133, -86400, 0, x'');"
      "INSERT INTO sqlar VALUES('suid', 35309, 4102444800, 0, x'');"
      "INSERT INTO sqlar VALUES('sticky', 17407, 0, 0, NULL);");
  CHECK(archive->find("old")->mode() == (S_IFREG | 0555));
  CHECK(archive->find("old")->mtime_s == -86400);
  CHECK(archive->find("suid")->mode() == (S_IFREG | 04755));
  CHECK(archive->find("suid")->mtime_s == 4102444800);
  CHECK(archive->find("sticky")->mode() == (S_IFDIR | 01777));
}

TEST_CASE("a mode without a type is a file's when there is data and a directory's when there is none") {
  SqlArchive archive("INSERT INTO sqlar VALUES('f', 420, 0, 1, x'78'); INSERT INTO sqlar VALUES('d', 493, 0, 0, NULL);");
  CHECK(archive->find("f")->mode() == (S_IFREG | 0644));
  CHECK(archive->find("d")->mode() == (S_IFDIR | 0755));
  CHECK(content_of(*archive, "f") == "x");
}

TEST_CASE("a member that is a device or a socket is an error") {
  SqlArchive archive("INSERT INTO sqlar VALUES('dev', 8630, 0, 0, x'');");
  const Error error = error_of([&] { archive->find("dev"); });
  CHECK(error.text() == "couldn't read \"app.kit/dev\": its type is neither file nor directory nor link");
  CHECK(error.code() == "MEMBER");
}

TEST_CASE("inode numbers are the same at every opening, differ between members, and have no sign") {
  const std::string sql = row("a/1") + row("a/2") + directory_row("b");
  SqlArchive one(sql);
  SqlArchive two(sql + row("c"));
  std::set<std::uint64_t> inodes;
  for (const std::string_view name : {"", "a", "a/1", "a/2", "b"}) {
    INFO(name);
    const std::uint64_t inode = one->find(name)->inode;
    CHECK(inode == two->find(name)->inode);
    CHECK(inode > 0);
    CHECK(inode <= static_cast<std::uint64_t>(INT64_MAX));
    inodes.insert(inode);
  }
  CHECK(inodes.size() == 5);
  // FNV-1a of "a/1" by another implementation is 0xe620f01904691bd8: without its top bit, and odd.
  CHECK(one->find("a/1")->inode == 0x6620f01904691bd9u);
}

TEST_CASE("an inode number is the same in a listing") {
  SqlArchive archive(row("a/1") + row("a/d/2"));
  archive->children("a", [&](std::string_view part, const Member& member) {
    CHECK(member.inode == archive->find("a/" + std::string(part))->inode);
  });
  archive->each([&](std::string_view name, const Member& member) { CHECK(member.inode == archive->find(name)->inode); });
}

TEST_CASE("children are listed once each") {
  SqlArchive archive(directory_row("d") + row("d/1") + row("d/2/x") + row("d/2/y") + directory_row("d/3") +
                     row("d/3/z") + row("e"));
  CHECK(children_of(*archive, "") == Names{"d", "e"});
  CHECK(children_of(*archive, "d") == Names{"1", "2", "3"});
  CHECK(children_of(*archive, "d/2") == Names{"x", "y"});
  CHECK(children_of(*archive, "d/1").empty());
  CHECK(children_of(*archive, "no").empty());
}

TEST_CASE("a name that sorts between a directory and what is in it divides neither") {
  for (const bool named : {true, false}) {
    INFO(named);
    SqlArchive archive((named ? directory_row("lib/tcl8") + directory_row("lib/tcl8.6") : "") + row("lib/tcl8/8.4/a.tm") +
                       row("lib/tcl8/8.5/b.tm") + row("lib/tcl8.6/init.tcl") + row("lib/tcl8 x") + row("lib/tcl8-") +
                       row("lib/tcl80") + row("lib/tcl"));
    CHECK(children_of(*archive, "lib") == Names{"tcl", "tcl8", "tcl8 x", "tcl8-", "tcl8.6", "tcl80"});
    CHECK(children_of(*archive, "lib/tcl8") == Names{"8.4", "8.5"});
    CHECK(children_of(*archive, "lib/tcl8.6") == Names{"init.tcl"});
  }
}

TEST_CASE("directories whose names begin alike are each listed once") {
  SqlArchive archive(row("b.c/x") + row("b/x") + row("b-/x") + row("a") + row("B") + row("b0") + row("\xc3\xbc") +
                     directory_row("b.c") + row("b/y"));
  CHECK(children_of(*archive, "") == Names{"B", "a", "b", "b-", "b.c", "b0", "\xc3\xbc"});
}

TEST_CASE("a file that has members below it stays a file") {
  SqlArchive archive(row("a") + row("a/b"));
  CHECK(archive->find("a")->type == MemberType::kFile);
  CHECK(children_of(*archive, "") == Names{"a"});
}

TEST_CASE("members with awkward names are found, listed and read") {
  const std::string newline = "line\nbreak";
  const std::string utf8 = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80";
  const std::string longest(255, 'n');
  const std::string spaces = " two  spaces ";
  const std::string odd = "100% [x] {y} $z \\ \" ; ~ * ?";
  const std::string plain = plain_bytes({new_file("d/" + newline, "1"), new_file("d/" + utf8, "2"), new_file("d/" + longest, "3"),
                                         new_file("d/" + spaces, "4"), new_file("d/" + odd, "5"), new_file("d/...", "6")});
  const auto archive = open_kit(plain);
  CHECK(children_of(*archive, "d") == Names{spaces, "...", odd, utf8, newline, longest});
  CHECK(content_of(*archive, "d/" + newline) == "1");
  CHECK(content_of(*archive, "d/" + utf8) == "2");
  CHECK(content_of(*archive, "d/" + longest) == "3");
  CHECK(content_of(*archive, "d/" + spaces) == "4");
  CHECK(content_of(*archive, "d/" + odd) == "5");
  CHECK(content_of(*archive, "d/...") == "6");
}

TEST_CASE("listing a directory takes time in its children, not in its descendants") {
  std::string sql = "BEGIN;";
  sql += "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<99999)"
         "INSERT INTO sqlar SELECT printf('%s/%05d', char(97+i%3), i), 33188, 0, 1, x'78' FROM n;";
  SqlArchive archive(sql + "COMMIT");
  // Steps of SQLite's machine, so that no clock decides.
  int steps = 0;
  sqlite3_progress_handler(
      archive->database(), 1, [](void* count) { return ++*static_cast<int*>(count), 0; }, &steps);
  CHECK(children_of(*archive, "") == Names{"a", "b", "c"});
  CHECK(archive->find("a")->type == MemberType::kDirectory);
  CHECK_FALSE(archive->find("zz"));
  CHECK(steps < 1000);
  CHECK(children_of(*archive, "a").size() == 33334);
}

TEST_CASE("opening reads no more of a large archive than of a small one") {
  std::string sql = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<99999)"
                    "INSERT INTO sqlar SELECT printf('d/%05d', i), 33188, 0, 1, x'78' FROM n;";
  const Scratch scratch;
  make_database(scratch / "large", kSqlar + sql);
  const auto archive = Archive::open_file(scratch / "large");
  int misses = 0;
  int highest = 0;
  REQUIRE(sqlite3_db_status(archive->database(), SQLITE_DBSTATUS_CACHE_MISS, &misses, &highest, 0) == SQLITE_OK);
  CHECK(misses < 10);
}

TEST_CASE("a visitor may come back to the archive") {
  SqlArchive archive(row("d/1") + row("d/2") + link_row("d/3", "1"));
  Names seen;
  archive->children("d", [&](std::string_view part, const Member&) {
    const std::string name = "d/" + std::string(part);
    seen.push_back(*followed(*archive, name) + content_of(*archive, *followed(*archive, name)));
    CHECK(children_of(*archive, "d").size() == 3);
  });
  CHECK(seen == Names{"d/1x", "d/2x", "d/1x"});
  Names names;
  archive->each([&](std::string_view name, const Member&) {
    names.emplace_back(name);
    archive->find("d/1");
    children_of(*archive, "");
    names_of(*archive);
  });
  CHECK(names == Names{"d/1", "d/2", "d/3"});
}

TEST_CASE("an archive that the sqlite3 shell made of . is seen without it") {
  const Scratch scratch;
  run(scratch.path(), "mkdir -p in/lib/tcl8 && cd in && echo a >a && echo b >lib/b && echo c >lib/tcl8/c && "
                      "ln -s a l && chmod 750 . && sqlite3 -A -c -f ../x.db .");
  const auto archive = Archive::open_file(scratch / "x.db");
  CHECK(names_of(*archive) == Names{"a", "l", "lib", "lib/b", "lib/tcl8", "lib/tcl8/c"});
  CHECK(children_of(*archive, "") == Names{"a", "l", "lib"});
  CHECK(children_of(*archive, "lib") == Names{"b", "tcl8"});
  CHECK(archive->find("")->mode() == (S_IFDIR | 0750));
  CHECK(archive->find("lib/b")->size_bytes == 2);
  CHECK_FALSE(archive->find("."));
  CHECK_FALSE(archive->find("./a"));
  CHECK(content_of(*archive, "lib/tcl8/c") == "c\n");
  CHECK(archive->link_target("l") == "a");
  CHECK(followed(*archive, "l") == "a");
}

TEST_CASE("an archive that the sqlite3 shell made of names is seen with them") {
  const Scratch scratch;
  run(scratch.path(), "mkdir -p lib && echo a >a && head -c 5000 /dev/zero >lib/z && chmod 755 a && touch -d @1234567890 a "
                      "&& sqlite3 -A -c -f x.db a lib");
  const auto archive = Archive::open_file(scratch / "x.db");
  CHECK(names_of(*archive) == Names{"a", "lib", "lib/z"});
  CHECK(archive->find("a")->mode() == (S_IFREG | 0755));
  CHECK(archive->find("a")->mtime_s == 1234567890);
  CHECK(archive->find("lib/z")->size_bytes == 5000);
  CHECK(archive->find("lib/z")->stored_bytes < 100);
  CHECK(content_of(*archive, "lib/z") == std::string(5000, '\0'));
}

TEST_CASE("links are not followed by find") {
  SqlArchive archive(row("a") + link_row("l", "a"));
  CHECK(archive->find("l")->mode() == (S_IFLNK | 0777));
  CHECK(archive->find("l")->size_bytes == 1);
  CHECK(archive->link_target("l") == "a");
  CHECK_FALSE(archive->link_target("a"));
  CHECK_FALSE(archive->link_target("no"));
  CHECK_FALSE(archive->link_target(""));
  CHECK_FALSE(archive->open("l"));
}

TEST_CASE("the size of a link counts the bytes of its target") {
  SqlArchive archive(link_row("l", "gr\xc3\xbc\xc3\x9f"));
  CHECK(archive->find("l")->size_bytes == 6);
  CHECK(archive->link_target("l") == "gr\xc3\xbc\xc3\x9f");
}

TEST_CASE("links are followed inside the archive") {
  SqlArchive archive(row("d/f") + row("g") + directory_row("d/e") + link_row("l", "d/f") + link_row("d/up", "../g") +
                     link_row("dir", "d") + link_row("again", "dir") + link_row("d/self", ".") +
                     link_row("root", "d/..") + link_row("slashes", "d//e/./../f"));
  struct Row {
    const char *name, *target;
  };
  for (const Row& each :
       {Row{"l", "d/f"}, Row{"d/up", "g"}, Row{"dir/f", "d/f"}, Row{"again/f", "d/f"}, Row{"again/up", "g"},
        Row{"d/self/self/f", "d/f"}, Row{"root", ""}, Row{"root/g", "g"}, Row{"slashes", "d/f"}, Row{"d/f", "d/f"},
        Row{"", ""}, Row{"dir/e", "d/e"}}) {
    INFO(each.name);
    CHECK(followed(*archive, each.name) == std::string(each.target));
  }
}

TEST_CASE("the last part may be left unfollowed") {
  SqlArchive archive(row("d/f") + link_row("d/l", "f") + link_row("dir", "d"));
  CHECK(archive->resolve("dir/l", false) == "d/l");
  CHECK(archive->resolve("dir/l", true) == "d/f");
  CHECK(archive->resolve("dir", false) == "dir");
}

TEST_CASE("a link that dangles or leads out of the archive leads nowhere") {
  SqlArchive archive(row("d/f") + link_row("dangling", "no") + link_row("out", "../x") + link_row("d/out", "../../x") +
                     link_row("absolute", "/etc/passwd") + link_row("back", "../app.kit/d/f") + link_row("through", "d/f/x") +
                     link_row("empty", ""));
  for (const std::string_view name :
       {"dangling", "dangling/x", "out", "d/out", "absolute", "absolute/x", "back", "through", "no", "d/no"}) {
    INFO(name);
    CHECK_FALSE(followed(*archive, name));
  }
  CHECK(archive->resolve("dangling", false) == "dangling");
  CHECK(archive->resolve("out", false) == "out");
}

TEST_CASE("links in a circle are an error") {
  SqlArchive archive(link_row("a", "b") + link_row("b", "a") + link_row("self", "self") + link_row("deep", "deep/deep/x"));
  for (const std::string_view name : {"a", "b/x", "self", "deep", "self/x"}) {
    INFO(name);
    const Error error = error_of([&] { archive->resolve(name, true); });
    CHECK(error.posix() == ELOOP);
    CHECK(error.text() ==
          "couldn't read \"app.kit/" + std::string(name) + "\": too many levels of symbolic links");
  }
  CHECK(archive->resolve("a", false) == "a");
}

TEST_CASE("forty links in a row are followed and forty-one are not, as the kernel does") {
  std::string sql = row("end");
  for (int i = 1; i <= 41; ++i) {
    sql += link_row("l" + std::to_string(i), i == 1 ? "end" : "l" + std::to_string(i - 1));
  }
  SqlArchive archive(sql);
  CHECK(followed(*archive, "l40") == "end");
  CHECK(error_of([&] { archive->resolve("l41", true); }).posix() == ELOOP);
}

TEST_CASE("a link's target is no longer than a path") {
  SqlArchive archive("INSERT INTO sqlar VALUES('l', 41471, 0, -1, zeroblob(4097));");
  CHECK(error_of([&] { archive->link_target("l"); }).code() == "SIZE");
}

TEST_CASE("names that are no members' names are errors in a listing") {
  struct Row {
    const char *name, *fault;
  };
  for (const Row& each :
       {Row{"../x", "has a part \"..\""}, Row{"/x", "is absolute"}, Row{"a//b", "has an empty part"},
        Row{"a/../../x", "has a part \"..\""}, Row{"a/", "has an empty part"}, Row{"..", "has a part \"..\""}}) {
    INFO(each.name);
    SqlArchive archive(row(each.name) + row("good"));
    const Error error = error_of([&] { names_of(*archive); });
    CHECK(error.code() == "NAME");
    CHECK(error.text() == "couldn't read \"app.kit\": the member name \"" + std::string(each.name) + "\" " + each.fault);
  }
  SqlArchive up(row("../x"));
  CHECK(error_of([&] { children_of(*up, ""); }).code() == "NAME");
  SqlArchive absolute(row("/x"));
  CHECK(error_of([&] { children_of(*absolute, ""); }).code() == "NAME");
  SqlArchive empty_part(row("a//b"));
  CHECK(error_of([&] { children_of(*empty_part, "a"); }).code() == "NAME");
}

TEST_CASE("an index out of order is damage, not an endless listing") {
  // In the index alone, "cc/x" becomes "aa/x" behind "b": each look for what follows "aa" comes to "b" again.
  const std::string bytes = with_index_changed(
      database_bytes(kSqlar + directory_row("b") + row("cc/x") + row("d") + row("e") + row("f") + row("g")), "cc/x",
      "aa/x");
  const auto archive = open_kit(bytes);
  int steps = 0;
  sqlite3_progress_handler(
      archive->database(), 100, [](void* count) { return ++*static_cast<int*>(count) > 1000 ? 1 : 0; }, &steps);
  CHECK(error_of([&] { children_of(*archive, ""); }).code() == "CORRUPT");
  CHECK(error_of([&] { names_of(*archive); }).code() == "CORRUPT");
}

TEST_CASE("a name that does not belong into the directory listed is damage") {
  const std::string bytes = with_index_changed(
      database_bytes(kSqlar + row("dddd/1") + row("dddd/22") + row("e") + row("f") + row("g") + row("h")), "dddd/22",
      "c/abcde");
  const auto archive = open_kit(bytes);
  CHECK(error_of([&] { children_of(*archive, "dddd"); }).code() == "CORRUPT");
}

TEST_CASE("a database without an archive is no kit") {
  const std::string bytes = database_bytes("CREATE TABLE t(x);");
  const Error error = error_of([&] { Archive::open_bytes(as_bytes(bytes), "app.kit"); });
  CHECK(error.code() == "NOTSQLAR");
  CHECK(error.text() == "couldn't open \"app.kit\": not a kit (hint: its database has no table sqlar)");
}

TEST_CASE("what is no database is an error in memory as well") {
  CHECK(error_of([] { Archive::open_bytes({}, "app.kit"); }).code() == "CUT");
  const std::string bytes = noise(4096);
  CHECK(error_of([&] { Archive::open_bytes(as_bytes(bytes), "app.kit"); }).code() == "NOTDB");
}

TEST_CASE("an archive's writer knows whether it holds links, until something changes") {
  const Scratch scratch;
  CHECK_FALSE(open_kit(plain_bytes({new_file("a", "")}))->may_hold_links());
  CHECK(open_kit(plain_bytes({new_file("a", ""), new_link("l", "a")}))->may_hold_links());
  CHECK(SqlArchive(row("a"))->may_hold_links());
  write_host_file(scratch / "x.db", plain_bytes({new_file("a", "")}));
  const auto archive = Archive::open_file(scratch / "x.db");
  CHECK_FALSE(archive->may_hold_links());
  run(scratch.path(), "ln -s a l && sqlite3 -A -u -f x.db l");
  CHECK(archive->find("l"));
  CHECK(archive->may_hold_links());
}

TEST_CASE("an archive in an archive is refused where its stated size is more than memory should take") {
  // Four terabytes, of which none is there.
  const SqlArchive archive(std::string(kChunkSchema) + "INSERT INTO sqlar VALUES('a.kit', 33188, 1, 4398046000000, 7);");
  const auto content = archive->open("a.kit");
  REQUIRE(content);
  const Error error = error_of([&] { Archive::open_content(*content, "app.kit/a.kit"); });
  CHECK(error.code() == "TOOBIG");
  CHECK(error.posix() == EFBIG);
}

TEST_CASE("an archive whose table would change or undo in silence what is written is read, but not written") {
  const Scratch scratch;
  const std::string path = scratch / "a.db";
  const std::string columns = "mode INT, mtime INT, sz INT, data BLOB";
  struct Row {
    std::string schema;
    bool can_be_written;
  };
  for (const Row& row :
       {Row{"CREATE TABLE sqlar(name TEXT PRIMARY KEY, " + columns + ");", true},
        Row{"CREATE TABLE sqlar(" + columns + ", name TEXT UNIQUE);", true},
        Row{"CREATE TABLE sqlar(name TEXT PRIMARY KEY, " + columns + "); CREATE INDEX i ON sqlar(mtime);", true},
        Row{"CREATE TABLE sqlar(name TEXT, " + columns + ");", false},
        Row{"CREATE TABLE sqlar(name INT PRIMARY KEY, " + columns + ");", false},
        Row{"CREATE TABLE sqlar(name TEXT PRIMARY KEY COLLATE NOCASE, " + columns + ");", false},
        Row{"CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data TEXT);", false},
        Row{"CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB NOT NULL ON CONFLICT IGNORE);",
            false},
        Row{"CREATE TABLE sqlar(name TEXT PRIMARY KEY, " + columns + ", more INT DEFAULT (random()));", false},
        Row{"CREATE TABLE sqlar(name TEXT PRIMARY KEY, " + columns + "); CREATE UNIQUE INDEX i ON sqlar(mtime);", false},
        Row{"CREATE TABLE sqlar(name TEXT PRIMARY KEY, " + columns + "); CREATE INDEX i ON sqlar(mtime + 1);", false}}) {
    INFO(row.schema);
    ::unlink(path.c_str());
    make_database(path, row.schema + "INSERT INTO sqlar(name, mode, mtime, sz, data) VALUES('a', 33188, 1, 1, 'x');");
    CHECK(content_of(*Archive::open_file(path), "a") == "x");
    if (row.can_be_written) {
      CHECK(Archive::open_file(path, Access::kWrite)->find("a"));
      continue;
    }
    CHECK(error_of([&] { Archive::open_file(path, Access::kWrite); }).code() == "SCHEMA");
  }
}
