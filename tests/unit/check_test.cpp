// SPDX-License-Identifier: MIT

#include "archive/check.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "archive/chunks.h"
#include "archive/editor.h"
#include "archive/mark.h"
#include "support.h"

using namespace starlit;

namespace {

struct Report {
  Checked checked;
  std::vector<Fault> faults;

  // "CODE member" of each, sorted.
  Names list() const {
    Names names;
    for (const Fault& fault : faults) names.push_back(fault.code + (fault.member.empty() ? "" : " " + fault.member));
    std::sort(names.begin(), names.end());
    return names;
  }
};

Report check_file(const std::string& path, bool repair = false) {
  Report report;
  CheckOptions options;
  options.repair = repair;
  report.checked = check_archive(path, options, [&](const Fault& fault) {
    if (fault.text.empty()) FAIL("a fault without a text");
    report.faults.push_back(fault);
  });
  CHECK(report.checked.faults == static_cast<std::int64_t>(report.faults.size()));
  return report;
}

// The faults of a database that this SQL makes.
Names faults_of(const std::string& sql) {
  const Scratch scratch;
  make_database(scratch / "a.db", sql);
  return check_file(scratch / "a.db").list();
}

std::string row(const std::string& name, const std::string& rest) {
  return "INSERT INTO sqlar VALUES('" + name + "'," + rest + ");";
}

const std::string kGood = std::string(kSqlar) + row("a", "33188, 0, 2, 'ok'");

}  // namespace

TEST_CASE("kits and archives of every maker are sound") {
  const Scratch scratch;
  write_host_file(scratch / "ours.kit",
                  kit_bytes({new_file("a", text(5000)), new_directory("d"), new_file("d/x", noise(500)),
                             new_file("e/f/implied", ""), new_link("l", "nowhere")}));
  const Report ours = check_file(scratch / "ours.kit");
  CHECK(ours.list() == Names{});
  CHECK(ours.checked.members == 5);
  CHECK(ours.checked.content_bytes == 5500);
  CHECK(ours.checked.free_bytes == 0);
  CHECK(ours.checked.journal == JournalState::kNone);

  run(scratch.path(), "mkdir -p t/sub && echo hello > t/sub/x && ln -s x t/sub/l && head -c 9000 /dev/zero > t/z && "
                      "cd t && sqlite3 -A -c -f ../theirs.db . && sqlite3 -A -c -f ../some.db z sub");
  CHECK(check_file(scratch / "theirs.db").list() == Names{});
  CHECK(check_file(scratch / "some.db").list() == Names{});
}

TEST_CASE("a large content in chunks is checked piece by piece") {
  const Scratch scratch;
  write_host_file(scratch / "a.db", plain_bytes({new_file("large", text(17 << 20)), new_file("small", "x")}));
  CHECK(check_file(scratch / "a.db").list() == Names{});
  const auto damage = [&](const std::string& sql) {
    run(scratch.path(), "cp a.db b.db && sqlite3 b.db \"" + sql + "\"");
    return check_file(scratch / "b.db");
  };
  CHECK(damage("DELETE FROM starlit_chunk WHERE id % 16777216 = 7").list() == Names{"CHUNK large"});
  CHECK(damage("DELETE FROM starlit_chunk WHERE id % 16777216 = 67").list() == Names{"CHUNK large"});
  CHECK(damage("UPDATE starlit_chunk SET data = substr(data, 1, 900) WHERE id % 16777216 = 7").list() ==
        Names{"DATA large"});
  CHECK(damage("UPDATE starlit_chunk SET data = zeroblob(300000) WHERE id % 16777216 = 7").list() ==
        Names{"CHUNK large"});
  CHECK(damage("DROP TABLE starlit_chunk").list() == Names{"CHUNK large"});
  CHECK(damage("UPDATE sqlar SET data = 2 WHERE name = 'large'").list() == Names{"CHUNK large"});
  CHECK(damage("UPDATE sqlar SET sz = 20000000 WHERE name = 'large'").list() ==
        Names{"CHUNK large"});
  CHECK(damage("INSERT INTO sqlar SELECT 'twin', mode, mtime, sz, data FROM sqlar WHERE name = 'large'").list() ==
        Names{"CHUNK twin"});
}

TEST_CASE("pieces that nothing leads to and free pages are waste and no fault") {
  const Scratch scratch;
  write_host_file(scratch / "a.db", plain_bytes({new_file("large", text(17 << 20)), new_file("x", noise(50000))}));
  run(scratch.path(), "sqlite3 a.db \"INSERT INTO starlit_chunk VALUES(5 << 24, zeroblob(10)), ((5 << 24) + 3, "
                      "zeroblob(20)), ((1 << 24) + 100, zeroblob(30)), (-4, zeroblob(40)); DELETE FROM sqlar WHERE name = "
                      "'x'\"");
  const Report report = check_file(scratch / "a.db");
  CHECK(report.list() == Names{});
  CHECK(report.checked.lost_chunks == 4);
  CHECK(report.checked.lost_bytes == 100);
  CHECK(report.checked.free_bytes >= 49000);
}

TEST_CASE("each kind of fault is told") {
  CHECK(faults_of(kGood) == Names{});
  // Schemas.
  CHECK(faults_of("CREATE TABLE other(x)") == Names{"SCHEMA"});
  CHECK(faults_of("CREATE VIEW sqlar AS SELECT 'a' name, 33188 mode, 0 mtime, 0 sz, '' data") == Names{"SCHEMA"});
  CHECK(faults_of("CREATE TABLE sqlar(name, mode, mtime, sz, data AS (name))") == Names{"SCHEMA"});
  CHECK(faults_of("CREATE TABLE sqlar(name, mode, mtime, sz, data)") == Names{"SCHEMA"});
  CHECK(faults_of(kGood + "PRAGMA application_id=0x5374726c; PRAGMA user_version=99") == Names{"SCHEMA"});
  CHECK(faults_of(kGood + "CREATE VIEW starlit_fact AS SELECT 1") == Names{"SCHEMA"});
  // Names.
  CHECK(faults_of(kGood + row("/b", "33188, 0, 2, 'ok'")) == Names{"NAME /b"});
  CHECK(faults_of(kGood + row("b/../c", "33188, 0, 2, 'ok'")) == Names{"NAME b/../c"});
  CHECK(faults_of(kGood + "INSERT INTO sqlar VALUES(CAST(x'62ff' AS TEXT), 33188, 0, 2, 'ok')") == Names{"NAME b\xff"});
  CHECK(faults_of(kGood + "INSERT INTO sqlar VALUES(x'62', 33188, 0, 2, 'ok')") == Names{"NAME b"});
  CHECK(faults_of(kGood + "INSERT INTO sqlar VALUES(NULL, 33188, 0, 2, 'ok')") == Names{"NAME"});
  CHECK(faults_of(kGood + row("a/b", "33188, 0, 2, 'ok'")) == Names{"NAME a/b"});
  CHECK(faults_of(kGood + row("a/b/c", "33188, 0, 2, 'ok'") + row("a-b", "33188, 0, 2, 'ok'")) == Names{"NAME a/b/c"});
  CHECK(faults_of(kGood + row(".", "16877, 0, 0, NULL") + row("./a", "33188, 0, 2, 'ok'")) == Names{"NAME a"});
  // Members.
  CHECK(faults_of(kGood + row("b", "8576, 0, 2, 'ok'")) == Names{"MEMBER b"});
  CHECK(faults_of(kGood + row("b", "99999999, 0, 2, 'ok'")) == Names{"MEMBER b"});
  CHECK(faults_of(kGood + row("b", "'rw', 0, 2, 'ok'")) == Names{"MEMBER b"});
  CHECK(faults_of(kGood + row("b", "33188, 'now', 2, 'ok'")) == Names{"MEMBER b"});
  CHECK(faults_of(kGood + row("b", "33188, 0, NULL, 'ok'")) == Names{"MEMBER b"});
  CHECK(faults_of(kGood + row("b", "33188, 0, 2, NULL")) == Names{"MEMBER b"});
  CHECK(faults_of(kGood + row("b", "16877, 0, 0, 'x'")) == Names{"MEMBER b"});
  CHECK(faults_of(kGood + row("b", "16877, 0, 5, NULL")) == Names{"SIZE b"});
  CHECK(faults_of(kGood + row("b", "41471, 0, 3, 'a'")) == Names{"SIZE b"});
  CHECK(faults_of(kGood + row("b", "41471, 0, -1, ''")) == Names{"SIZE b"});
  CHECK(faults_of(kGood + row("b", "41471, 0, -1, NULL")) == Names{"MEMBER b"});
  // Contents.
  CHECK(faults_of(kGood + row("b", "33188, 0, 1, 'ok'")) == Names{"SIZE b"});
  CHECK(faults_of(kGood + row("b", "33188, 0, 99999, 'ok'")) == Names{"SIZE b"});
  CHECK(faults_of(kGood + row("b", "33188, 0, 20, 'no deflate'")) == Names{"DATA b"});
  CHECK(faults_of(kGood + row("b", "33188, 0, 3000, deflate(text(3000))")) == Names{});
  CHECK(faults_of(kGood + row("b", "33188, 0, 3001, deflate(text(3000))")) == Names{"DATA b"});
  CHECK(faults_of(kGood + row("b", "33188, 0, 2999, deflate(text(3000))")) == Names{"DATA b"});
  CHECK(faults_of(kGood + row("b", "33188, 0, 3000, deflate(text(3000)) || x'00'")) == Names{"DATA b"});
  CHECK(faults_of(kGood + row("b", "33188, 0, 3000, substr(deflate(text(3000)), 1, 900)")) == Names{"DATA b"});
  CHECK(faults_of(kGood + row("b", "33188, 0, 5, 7")) == Names{"CHUNK b"});
}

TEST_CASE("what is recorded and believed must be true") {
  const Scratch scratch;
  NewArchive archive;
  archive.members = {new_file("main.tcl", "x"), new_file("lib/pkgIndex.tcl", "x")};
  archive.packages = {{"lib", "1", "lib", ""}};
  write_archive(scratch / "a.db", archive);
  CHECK(check_file(scratch / "a.db").list() == Names{});
  // Each of these makes the counter 2, so 2 is what would be believed.
  const auto damage = [&](const std::string& sql) {
    run(scratch.path(), "cp a.db b.db && sqlite3 b.db \"BEGIN; UPDATE starlit_fact SET counter = 2; " + sql + "; COMMIT\"");
    return check_file(scratch / "b.db").list();
  };
  CHECK(damage("SELECT 1") == Names{});
  CHECK(damage("INSERT INTO sqlar VALUES('l', 41471, 0, -1, 'main.tcl')") == Names{"FACT"});
  CHECK(damage("DELETE FROM sqlar WHERE name LIKE 'lib%'") == Names{"FACT lib/pkgIndex.tcl"});
  CHECK(damage("UPDATE starlit_fact SET data = 'x' WHERE key = 'packages'") == Names{"FACT"});
  CHECK(damage("UPDATE starlit_fact SET sz = 3, data = 'x' || char(9) || 'y' WHERE key = 'packages'") == Names{"FACT"});
  CHECK(damage("UPDATE starlit_fact SET sz = 3, data = 'x', counter = 1 WHERE key = 'packages'") == Names{});
  CHECK(damage("INSERT INTO starlit_fact VALUES('runtime', 1, 3, 'a b')") == Names{"FACT"});
}

TEST_CASE("files that are no archives are faults, those that are not there errors") {
  const Scratch scratch;
  write_host_file(scratch / "empty", "");
  write_host_file(scratch / "text", "no archive");
  const std::string kit = kit_bytes({new_file("a", "b")});
  write_host_file(scratch / "cut.kit", std::string_view(kit).substr(0, kit.size() - 700));
  write_host_file(scratch / "tail.kit", kit + "x");
  CHECK(check_file(scratch / "empty").list() == Names{"EMPTY"});
  CHECK(check_file(scratch / "text").list() == Names{"NOTKIT"});
  CHECK(check_file(scratch / "cut.kit").list() == Names{"NOTKIT"});
  CHECK(check_file(scratch / "tail.kit").list() == Names{"MARKNOTLAST"});
  CHECK(error_of([&] { check_file(scratch / "nosuch"); }).posix() == ENOENT);
  CHECK(error_of([&] { check_file(scratch.path()); }).posix() == EISDIR);
}

TEST_CASE("a change that was cut off is told, and rolled back when that is asked for") {
  const Scratch scratch;
  const std::string kit = scratch / "a.kit";
  write_host_file(kit, kit_bytes({new_file("a", text(50000)), new_file("b", "old")}));
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // More than SQLite's cache holds, so that some of it is in the file already.
    const auto archive = Archive::open_file(kit, Access::kWrite);
    sqlite3_exec(archive->database(), "PRAGMA cache_size=10", nullptr, nullptr, nullptr);
    Editor editor(archive);
    Transaction transaction(*archive);
    WorkingFile content(nullptr, [] { return Fd(); });
    content.write(0, as_bytes(noise(900000)));
    editor.put_file("a", 0644, 0, content);
    editor.put_file("b", 0644, 0, content);
    editor.put_file("c", 0644, 0, content);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(host_names(scratch.path()) == Names{"a.kit", "a.kit-journal"});
  const std::string half_done = read_host_file(kit);

  const Report cut_off = check_file(kit);
  CHECK(cut_off.list() == Names{"JOURNAL"});
  CHECK(cut_off.checked.journal == JournalState::kHot);
  CHECK(read_host_file(kit) == half_done);

  // As if it had been killed earlier, while the file was growing.
  run(scratch.path(), "cp a.kit growing.kit; cp a.kit-journal growing.kit-journal; head -c 100000 /dev/zero >> growing.kit");
  CHECK(check_file(scratch / "growing.kit").list() == Names{"JOURNAL"});
  CHECK(check_file(scratch / "growing.kit", true).list() == Names{});
  CHECK(content_of(*Archive::open_file(scratch / "growing.kit"), "b") == "old");
  CHECK(host_names(scratch.path()) == Names{"a.kit", "a.kit-journal", "growing.kit"});

  const Report repaired = check_file(kit, true);
  CHECK(repaired.list() == Names{});
  CHECK(repaired.checked.journal == JournalState::kRolledBack);
  const auto archive = Archive::open_file(kit);
  CHECK(content_of(*archive, "a") == text(50000));
  CHECK(content_of(*archive, "b") == "old");
  CHECK(names_of(*archive) == Names{"a", "b"});
}

TEST_CASE("a kit cut anywhere behind a mark that is right has faults") {
  const Scratch scratch;
  const std::string kit = kit_bytes({new_file("a", text(3000)), new_file("b/c", text(2000)), new_link("l", "a")});
  const std::string mark = kit.substr(kit.size() - kMarkBytes);
  for (std::size_t size = 4096; size < kit.size() - kMarkBytes; size += 61) {
    INFO("cut at " << size);
    write_host_file(scratch / "a.kit", kit.substr(0, size) + mark);
    CHECK(check_file(scratch / "a.kit").checked.faults > 0);
  }
}

TEST_CASE("a kit with any byte changed is reported, or its deflated contents are what they were") {
  const Scratch scratch;
  const std::string a = text(3000), c = text(2000);
  std::string kit = kit_bytes({new_file("a", a), new_file("b/c", c), new_link("l", "a"), new_file("s", "stored")});
  int reported = 0;
  for (const int mask : {0xff, 0x01, 0x40}) {
    for (std::size_t at = 4096 - 64; at < kit.size(); ++at) {
      INFO("byte " << at << " of " << kit.size() << ", mask " << mask);
      kit[at] = static_cast<char>(kit[at] ^ mask);
      write_host_file(scratch / "a.kit", kit);
      kit[at] = static_cast<char>(kit[at] ^ mask);
      if (check_file(scratch / "a.kit").checked.faults > 0) {
        ++reported;
        continue;
      }
      const auto archive = Archive::open_file(scratch / "a.kit");
      if (content_of(*archive, "a") != a || content_of(*archive, "b/c") != c) FAIL("a changed content was not seen");
    }
  }
  // Most of the bytes are deflated data.
  CHECK(reported > 6000);
}

TEST_CASE("a mark that is lost is given back where there is a whole archive") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  const std::string good = kit_bytes({new_file("a", text(3000)), new_file("b", text(2000))});
  const std::string without = good.substr(0, good.size() - kMarkBytes);
  const std::string after = "something that was appended";
  for (const std::string& bytes : {without, good + after, without + std::string(5000, '\1')}) {
    write_host_file(path, bytes);
    const Report before = check_file(path);
    CHECK(before.faults.size() == 1);
    CHECK_FALSE(before.checked.mark_restored);
    CHECK(read_host_file(path) == bytes);
    const Report repaired = check_file(path, true);
    CHECK(repaired.list() == Names{});
    CHECK(repaired.checked.mark_restored);
    CHECK(read_host_file(path).starts_with(bytes));
    CHECK(content_of(*Archive::open_file(path, Access::kWrite), "b") == text(2000));
    CHECK(run(scratch.path(), "sqlite3 --append a.kit 'SELECT count(*) FROM sqlar'") == "2\n");
  }
  // One that is not whole, another database, and none.
  const std::string other = database_bytes("CREATE TABLE t(x);");
  for (const std::string& bytes :
       {without.substr(0, without.size() - 512), std::string(4096, 'x') + other, std::string(9000, 'x')}) {
    write_host_file(path, bytes);
    CHECK(check_file(path, true).list() == Names{"NOTKIT"});
    CHECK(read_host_file(path) == bytes);
  }
}

TEST_CASE("the sqlite3 shell that has written over a mark has lost nothing") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit_bytes({new_file("a", noise(100000))}));
  // A writer makes room in front of the mark; the shell looks at it; the writer takes the room back; the shell writes.
  run(scratch.path(), "mkfifo go");
  {
    auto archive = Archive::open_file(path, Access::kWrite);
    WorkingFile content(nullptr, [] { return Fd(); });
    content.write(0, as_bytes(noise(1000)));
    Editor(archive).put_file("b", 0644, 0, content);
    run(scratch.path(),
        "{ cat go | sqlite3 --append a.kit >out 2>&1; echo done >>out; } >/dev/null 2>&1 &"
        "{ echo 'SELECT count(*) FROM sqlar;'; while [ ! -e written ]; do sleep 0.01; done;"
        "  echo \"INSERT INTO sqlar VALUES('new', 33188, 1, 50000, zeroblob(50000));\"; } >go 2>/dev/null &"
        "while [ ! -s out ]; do sleep 0.01; done");
  }
  run(scratch.path(), ": > written; while ! grep -q done out; do sleep 0.01; done");
  CHECK(check_file(path).faults.size() == 1);
  CHECK(check_file(path, true).list() == Names{});
  CHECK(names_of(*Archive::open_file(path)) == Names{"a", "b", "new"});
}
