// SPDX-License-Identifier: MIT
//
// A database behind a prefix, side by side with the sqlite3 shell and its --append.

#include "file_vfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "host_calls.h"
#include "support.h"

using namespace starlit;

namespace {

std::string kit() {
  return kit_bytes({new_file("main.tcl", "puts hello\n"), new_file("lib/big", std::string(3000, 'b'), 0600), new_link("l", "main.tcl")});
}

}  // namespace

TEST_CASE("a database is read at its offset") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  const auto archive = Archive::open_file(scratch / "a.kit");
  CHECK(names_of(*archive) == Names{"l", "lib/big", "main.tcl"});
  CHECK(content_of(*archive, "main.tcl") == "puts hello\n");
}

TEST_CASE("a plain database is read at offset 0, and so is one with a mark that says 0") {
  const Scratch scratch;
  const std::string plain = plain_bytes({new_file("a", "x")});
  write_host_file(scratch / "plain", plain);
  CHECK(content_of(*Archive::open_file(scratch / "plain"), "a") == "x");
  const auto mark = encode_mark(FileOffset(0));
  write_host_file(scratch / "marked", plain + std::string(mark.data(), mark.size()));
  CHECK(content_of(*Archive::open_file(scratch / "marked"), "a") == "x");
}

TEST_CASE("a path may hold what means something in a URI") {
  for (const char* name : {"a b", "100%", "%41", "a?offset=0", "a#b", "a&mark=7", "gr\xc3\xbc\xc3\x9f", "line\nbreak"}) {
    INFO(name);
    const Scratch scratch;
    write_host_file(scratch / name, kit());
    CHECK(content_of(*Archive::open_file(scratch / name), "main.tcl") == "puts hello\n");
    CHECK(host_names(scratch.path()) == Names{name});
  }
}

TEST_CASE("a path may be relative, through links, and with empty parts") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  REQUIRE(::symlink("a.kit", (scratch / "l.kit").c_str()) == 0);
  CHECK(names_of(*Archive::open_file(scratch / "l.kit")).size() == 3);
  CHECK(names_of(*Archive::open_file("/" + scratch.path() + "//a.kit")).size() == 3);
  const Fd old = open_file(".", O_RDONLY | O_DIRECTORY);
  REQUIRE(::chdir(scratch.path().c_str()) == 0);
  const auto archive = Archive::open_file("a.kit");
  REQUIRE(::fchdir(old.get()) == 0);
  CHECK(names_of(*archive).size() == 3);
}

TEST_CASE("a path may be as long as the kernel allows") {
  const Scratch scratch;
  std::string path = scratch.path();
  while (path.size() < 1000) {
    path += "/" + std::string(100, 'd');
    REQUIRE(::mkdir(path.c_str(), 0755) == 0);
  }
  write_host_file(path + "/a.kit", kit());
  CHECK(content_of(*Archive::open_file(path + "/a.kit"), "main.tcl") == "puts hello\n");
}

TEST_CASE("a journal beside a kit with a long path is an answer and not a crash") {
  // SQLite's VFS for Unix copies a journal's path into 513 bytes (findCreateFileMode in os_unix.c).
  const Scratch scratch;
  std::string path = scratch.path();
  while (path.size() < 1000) {
    path += "/" + std::string(100, 'd');
    REQUIRE(::mkdir(path.c_str(), 0755) == 0);
  }
  write_host_file(path + "/a.kit", kit());
  write_host_file(path + "/a.kit-journal", std::string("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8) + std::string(1016, '\1'));
  try {
    names_of(*Archive::open_file(path + "/a.kit"));
  } catch (const Error& error) {
    CHECK_FALSE(error.text().empty());
  }
}

TEST_CASE("an archive is written where a path is long") {
  const Scratch scratch;
  std::string path = scratch.path();
  while (path.size() < 1000) {
    path += "/" + std::string(100, 'd');
    REQUIRE(::mkdir(path.c_str(), 0755) == 0);
  }
  NewArchive archive;
  archive.members = {new_file("a", "x")};
  CHECK(write_archive(path + "/" + std::string(255, 'n'), archive).members == 1);
}

TEST_CASE("the sqlite3 shell lists and unpacks a kit") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  CHECK(run(scratch.path(), "TZ=UTC sqlite3 --append a.kit '.ar -tv'") ==
        "lrwxrwxrwx         -1  2001-09-09 01:46:40  l\n"
        "-rw-------       3000  2001-09-09 01:46:40  lib/big\n"
        "-rw-r--r--         11  2001-09-09 01:46:40  main.tcl\n");
  // The shell of SQLite 3.40 fails on every link, its own archives' too: "error in uncompress()".
  run(scratch.path(), "mkdir x && cd x && sqlite3 --append ../a.kit '.ar -x lib/big main.tcl'");
  CHECK(read_host_file(scratch / "x/main.tcl") == "puts hello\n");
  CHECK(read_host_file(scratch / "x/lib/big") == std::string(3000, 'b'));
  CHECK((read_host_file(scratch / "a.kit") == kit()));
}

TEST_CASE("what the sqlite3 shell adds to a kit is read, also while the kit is open") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  const auto archive = Archive::open_file(scratch / "a.kit");
  CHECK(names_of(*archive).size() == 3);
  // Grows the archive: the mark moves.
  run(scratch.path(), "head -c 20000 /dev/urandom >new && echo changed >main.tcl && sqlite3 --append a.kit '.ar -u new main.tcl'");
  CHECK(names_of(*archive) == Names{"l", "lib/big", "main.tcl", "new"});
  CHECK(content_of(*archive, "main.tcl") == "changed\n");
  CHECK((content_of(*archive, "new") == read_host_file(scratch / "new")));
  const auto again = Archive::open_file(scratch / "a.kit");
  CHECK((content_of(*again, "new") == read_host_file(scratch / "new")));
  CHECK(read_host_file(scratch / "a.kit").substr(0, 10) == "#!/bin/sh\n");
}

TEST_CASE("a kit whose archive the sqlite3 shell has made anew is read") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  run(scratch.path(), "echo x >only && sqlite3 --append a.kit '.ar -c only' && sqlite3 --append a.kit VACUUM");
  const auto archive = Archive::open_file(scratch / "a.kit");
  CHECK(names_of(*archive) == Names{"only"});
  CHECK(content_of(*archive, "only") == "x\n");
}

TEST_CASE("an archive that the sqlite3 shell appends to a program is read") {
  const Scratch scratch;
  write_host_file(scratch / "app", "#!/bin/sh\nexit 0\n" + std::string(10000, '#'));
  run(scratch.path(), "echo x >a && sqlite3 --append app '.ar -c a'");
  const auto archive = Archive::open_file(scratch / "app");
  CHECK(content_of(*archive, "a") == "x\n");
}

TEST_CASE("nothing that was asked of an open archive keeps the sqlite3 shell from changing it") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  const auto archive = Archive::open_file(scratch / "a.kit");
  const std::string update = "date >>new && sqlite3 --append a.kit '.ar -u new'";
  SECTION("nothing") { run(scratch.path(), update); }
  SECTION("find") {
    archive->find("main.tcl");
    archive->find("lib");
    archive->find("no");
    run(scratch.path(), update);
  }
  SECTION("children and each") {
    children_of(*archive, "");
    names_of(*archive);
    run(scratch.path(), update);
  }
  SECTION("reading") {
    content_of(*archive, "main.tcl");
    archive->open("no");
    archive->open("l");
    run(scratch.path(), update);
  }
  SECTION("links") {
    CHECK(archive->link_target("l") == "main.tcl");
    CHECK(archive->resolve("l", true) == "main.tcl");
    run(scratch.path(), update);
  }
  SECTION("an open reader of a small member") {
    const auto reader = archive->open("main.tcl");
    run(scratch.path(), update);
    CHECK(reader->size_bytes() == 11);
  }
  SECTION("a listing that failed") {
    error_of([&] { archive->each([](std::string_view, const Member&) { throw Error(EINTR, "", "x"); }); });
    error_of([&] { archive->children("", [](std::string_view, const Member&) { throw Error(EINTR, "", "x"); }); });
    run(scratch.path(), update);
  }
  CHECK(archive->find("new"));
}

TEST_CASE("while another process changes the archive it says so") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  const auto reader = Archive::open_file(scratch / "a.kit");
  const Location location = locate_archive(open_regular(scratch / "a.kit"), "a.kit");
  const FileDatabase writer(std::make_shared<const HostFile>(scratch / "a.kit"), location, Access::kWrite);
  execute(writer.get(), "BEGIN EXCLUSIVE", "a.kit");
  const Error error = error_of([&] { reader->find("main.tcl"); });
  CHECK(error.code() == "BUSY");
  CHECK(error.posix() == EAGAIN);
  CHECK(error.text() == "couldn't read \"" + (scratch / "a.kit") + "\": another process or thread is using the archive");
  execute(writer.get(), "ROLLBACK", "a.kit");
  CHECK(reader->find("main.tcl"));
}

TEST_CASE("a snapshot holds the archive's lock from its first read to its end") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  const auto archive = Archive::open_file(scratch / "a.kit");
  const Location location = locate_archive(open_regular(scratch / "a.kit"), "a.kit");
  const FileDatabase writer(std::make_shared<const HostFile>(scratch / "a.kit"), location, Access::kWrite);
  {
    const Archive::Snapshot snapshot(*archive);
    CHECK(archive->find("main.tcl"));
    CHECK(error_of([&] { execute(writer.get(), "BEGIN EXCLUSIVE", "a.kit"); }).posix() == EAGAIN);
    CHECK(archive->find("main.tcl"));
  }
  execute(writer.get(), "BEGIN EXCLUSIVE; ROLLBACK", "a.kit");
}

TEST_CASE("an archive that is loaded is read from its file once") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  const auto archive = Archive::load_file(scratch / "a.kit");
  REQUIRE(::unlink((scratch / "a.kit").c_str()) == 0);
  CHECK(names_of(*archive) == Names{"l", "lib/big", "main.tcl"});
  CHECK(content_of(*archive, "main.tcl") == "puts hello\n");
}

TEST_CASE("a file that is cut while it is open is an error and not a signal") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit_bytes({new_file("a", noise(5000)), new_file("b", noise(100'000))}));
  const auto archive = Archive::open_file(scratch / "a.kit");
  CHECK(archive->find("a"));
  REQUIRE(::truncate((scratch / "a.kit").c_str(), 6000) == 0);
  CHECK(error_of([&] { content_of(*archive, "b"); }).posix() == EIO);
}

TEST_CASE("an archive opened for reading cannot be written") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit());
  const auto archive = Archive::open_file(scratch / "a.kit");
  const Error error = error_of([&] { execute(archive->database(), "DELETE FROM sqlar", "a.kit"); });
  CHECK(error.posix() == EROFS);
  const std::string bytes = kit();
  const auto memory = open_kit(bytes);
  CHECK(error_of([&] { execute(memory->database(), "DELETE FROM sqlar", "a.kit"); }).posix() == EROFS);
  CHECK((bytes == kit()));
}

TEST_CASE("a kit in a directory that cannot be written is read, and nothing is left beside it") {
  const Scratch scratch;
  REQUIRE(::mkdir((scratch / "d").c_str(), 0755) == 0);
  write_host_file(scratch / "d/a.kit", kit());
  REQUIRE(::chmod((scratch / "d/a.kit").c_str(), 0444) == 0);
  REQUIRE(::chmod((scratch / "d").c_str(), 0555) == 0);
  CHECK(names_of(*Archive::open_file(scratch / "d/a.kit")).size() == 3);
  CHECK(host_names(scratch / "d") == Names{"a.kit"});
  REQUIRE(::chmod((scratch / "d").c_str(), 0755) == 0);
}

TEST_CASE("what is no archive is an error of opening the file") {
  const Scratch scratch;
  CHECK(error_of([&] { Archive::open_file(scratch / "no"); }).posix() == ENOENT);
  CHECK(error_of([&] { Archive::open_file(scratch.path()); }).posix() == EISDIR);
  write_host_file(scratch / "empty", "");
  CHECK(error_of([&] { Archive::open_file(scratch / "empty"); }).code() == "EMPTY");
}

namespace {

// A connection of its own to a kit, which does not wait for others.
class Connection {
 public:
  explicit Connection(const std::string& path, Access access = Access::kWrite)
      : database_(std::make_shared<const HostFile>(path), locate_archive(open_regular(path), path), access) {
    sqlite3_busy_handler(database_.get(), nullptr, nullptr);
  }
  // SQLite's result code.
  int operator()(const char* sql) const { return sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr); }

 private:
  FileDatabase database_;
};

constexpr const char* kRead = "SELECT count(*) FROM sqlar";

// What `body` returns in another process.
int in_another_process(const std::function<int()>& body) {
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    int result = 255;
    try {
      result = body();
    } catch (...) {
    }
    ::_exit(result);
  }
  int status;
  REQUIRE(::waitpid(process, &status, 0) == process);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

// The sqlite3 shell, at work on a kit until the end of the test.
class Shell {
 public:
  explicit Shell(const Scratch& scratch)
      : answers_(scratch / "answers"), pipe_(::popen(("cd '" + scratch.path() + "' && sqlite3 --append a.kit >/dev/null 2>&1").c_str(), "w")) {
    REQUIRE(pipe_ != nullptr);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() { ::pclose(pipe_); }

  // Returns when that has been done.
  void operator()(const std::string& sql) {
    const std::string done = answers_ + std::to_string(++count_);
    std::fprintf(pipe_, "%s;\n.shell touch %s\n", sql.c_str(), done.c_str());
    std::fflush(pipe_);
    for (int i = 0; i < 5000 && ::access(done.c_str(), F_OK) != 0; ++i) ::usleep(1000);
    REQUIRE(::access(done.c_str(), F_OK) == 0);
  }

 private:
  std::string answers_;
  std::FILE* pipe_;
  int count_ = 0;
};

}  // namespace

TEST_CASE("a writer's locks let others in and keep them out as SQLite's do") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  const Connection writer(path);
  // From another connection of this process, and from another process: the same answers.
  const auto other = [&](const char* sql) {
    const int here = Connection(path)(sql);
    const int there = in_another_process([&] { return Connection(path)(sql); });
    CHECK(here == there);
    return here;
  };
  SECTION("reading") {
    REQUIRE(writer("BEGIN; SELECT count(*) FROM sqlar") == SQLITE_OK);
    CHECK(other(kRead) == SQLITE_OK);
    CHECK(other("BEGIN IMMEDIATE") == SQLITE_OK);
    CHECK(other("BEGIN EXCLUSIVE") == SQLITE_BUSY);
    REQUIRE(writer("COMMIT") == SQLITE_OK);
    CHECK(other("BEGIN EXCLUSIVE") == SQLITE_OK);
  }
  SECTION("reserved") {
    REQUIRE(writer("BEGIN IMMEDIATE; UPDATE sqlar SET mtime = 5") == SQLITE_OK);
    CHECK(other(kRead) == SQLITE_OK);
    CHECK(other("BEGIN IMMEDIATE") == SQLITE_BUSY);
    CHECK(other("UPDATE sqlar SET mtime = 6") == SQLITE_BUSY);
    CHECK(content_of(*Archive::open_file(path), "main.tcl") == "puts hello\n");
  }
  SECTION("pending: it waits for a reader, and no other reader comes in") {
    const Connection reader(path);
    REQUIRE(reader("BEGIN; SELECT count(*) FROM sqlar") == SQLITE_OK);
    REQUIRE(writer("BEGIN IMMEDIATE; UPDATE sqlar SET mtime = 5") == SQLITE_OK);
    CHECK(writer("COMMIT") == SQLITE_BUSY);
    CHECK(other(kRead) == SQLITE_BUSY);
    CHECK(reader(kRead) == SQLITE_OK);
    REQUIRE(reader("COMMIT") == SQLITE_OK);
    CHECK(writer("COMMIT") == SQLITE_OK);
    CHECK(other(kRead) == SQLITE_OK);
  }
  SECTION("exclusive") {
    REQUIRE(writer("BEGIN EXCLUSIVE") == SQLITE_OK);
    CHECK(other(kRead) == SQLITE_BUSY);
    CHECK(other("BEGIN IMMEDIATE") == SQLITE_BUSY);
    REQUIRE(writer("ROLLBACK") == SQLITE_OK);
    CHECK(other(kRead) == SQLITE_OK);
  }
}

TEST_CASE("closing a file elsewhere in the process takes no lock away") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  const Connection writer(path);
  REQUIRE(writer("BEGIN EXCLUSIVE") == SQLITE_OK);
  { const Fd other = open_file(path, O_RDWR); }
  { const Connection other(path); }
  CHECK(in_another_process([&] { return Connection(path)(kRead); }) == SQLITE_BUSY);
}

TEST_CASE("the sqlite3 shell's locks keep us out") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  const Connection mine(path);
  Shell shell(scratch);
  shell("BEGIN; SELECT count(*) FROM sqlar");
  CHECK(mine(kRead) == SQLITE_OK);
  CHECK(mine("UPDATE sqlar SET mtime = 5") == SQLITE_BUSY);
  shell("COMMIT; BEGIN IMMEDIATE; UPDATE sqlar SET mtime = 6");
  CHECK(mine(kRead) == SQLITE_OK);
  CHECK(mine("BEGIN IMMEDIATE") == SQLITE_BUSY);
  shell("ROLLBACK; BEGIN EXCLUSIVE");
  CHECK(mine(kRead) == SQLITE_BUSY);
  shell("ROLLBACK");
  CHECK(mine("UPDATE sqlar SET mtime = 7") == SQLITE_OK);
}

TEST_CASE("our locks keep the sqlite3 shell out") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  const Connection mine(path);
  const auto shell = [&](const std::string& sql) {
    return run(scratch.path(), "sqlite3 --append a.kit '" + sql + "' 2>&1 || true");
  };
  const auto is_locked = [](const std::string& answer) { return answer.find("database is locked") != std::string::npos; };
  REQUIRE(mine("BEGIN IMMEDIATE; UPDATE sqlar SET mtime = 5") == SQLITE_OK);
  CHECK(shell(kRead) == "3\n");
  CHECK(is_locked(shell("UPDATE sqlar SET mtime = 6")));
  REQUIRE(mine("COMMIT; BEGIN EXCLUSIVE") == SQLITE_OK);
  CHECK(is_locked(shell(kRead)));
  REQUIRE(mine("COMMIT; BEGIN; SELECT count(*) FROM sqlar") == SQLITE_OK);
  CHECK(shell(kRead) == "3\n");
  CHECK(is_locked(shell("UPDATE sqlar SET mtime = 6")));
  REQUIRE(mine("COMMIT") == SQLITE_OK);
  CHECK(shell("UPDATE sqlar SET mtime = 6").empty());
}

TEST_CASE("what we and the sqlite3 shell write in turns is there, and the file ends with its mark") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  for (int i = 0; i < 5; ++i) {
    {
      const auto archive = Archive::open_file(path, Access::kWrite);
      execute(archive->database(), ("INSERT INTO sqlar VALUES('ours" + std::to_string(i) + "', 33188, 1, 30000, zeroblob(30000))").c_str(), path);
      if (i % 2 == 0) run(scratch.path(), "sqlite3 --append a.kit \"INSERT INTO sqlar VALUES('open" + std::to_string(i) + "', 33188, 1, 40000, zeroblob(40000))\"");
    }
    run(scratch.path(), "sqlite3 --append a.kit \"INSERT INTO sqlar VALUES('theirs" + std::to_string(i) + "', 33188, 1, 50000, zeroblob(50000))\"");
    CHECK(locate_archive(open_regular(path), path).has_mark);
  }
  CHECK(run(scratch.path(), "sqlite3 --append a.kit 'PRAGMA integrity_check; SELECT count(*) FROM sqlar'") == "ok\n16\n");
  CHECK(names_of(*Archive::open_file(path)).size() == 16);
}

TEST_CASE("room to grow is taken away when the last writer closes") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  std::int64_t open_size;
  {
    const auto archive = Archive::open_file(path, Access::kWrite);
    execute(archive->database(), "INSERT INTO sqlar VALUES('new', 33188, 1, 30000, zeroblob(30000))", path);
    open_size = stat_fd(open_regular(path), path).st_size;
    CHECK(host_names(scratch.path()) == Names{"a.kit", "a.kit-journal"});
  }
  CHECK(host_names(scratch.path()) == Names{"a.kit"});
  const Location location = locate_archive(open_regular(path), path);
  CHECK(stat_fd(open_regular(path), path).st_size < open_size);
  const std::string header = read_host_file(path).substr(static_cast<std::size_t>(location.offset), 100);
  CHECK(location.size_bytes == database_size(header));
}

TEST_CASE("a journal in a file system's name is not followed to somewhere else") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  write_host_file(scratch / "victim", "precious");
  REQUIRE(::symlink("victim", (path + "-journal").c_str()) == 0);
  error_of([&] {
    const auto archive = Archive::open_file(path, Access::kWrite);
    execute(archive->database(), "UPDATE sqlar SET mtime = 5", path);
  });
  CHECK(read_host_file(scratch / "victim") == "precious");
}

TEST_CASE("the journal of an empty database does not empty an archive") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  // As the sqlite3 shell leaves it that takes the file for one: no records, and no page before.
  std::string journal("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" "\0\0\0\0" "\1\2\3\4" "\0\0\0\0" "\0\0\2\0" "\0\0\x10\0", 28);
  journal.resize(512);
  write_host_file(path + "-journal", journal);
  for (const Access access : {Access::kRead, Access::kWrite}) {
    CHECK(error_of([&] { Archive::open_file(path, access); }).code() == "JOURNAL");
  }
  CHECK(read_host_file(path) == kit());
  REQUIRE(::unlink((path + "-journal").c_str()) == 0);
  CHECK(names_of(*Archive::open_file(path, Access::kWrite)).size() == 3);
}

TEST_CASE("pages that could not be written when something else was asked for are not committed without them") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  class Full : public HostWatch {
    int before(HostCall call, int) override { return call == HostCall::kWrite ? ENOSPC : 0; }
  };
  const Connection writer(path);
  // Pages go to the file long before the end. An UPDATE of more than one row is undone alone when it fails.
  REQUIRE(writer("PRAGMA cache_size=10; BEGIN IMMEDIATE; INSERT INTO sqlar VALUES('big', 33188, 1, 60000, zeroblob(60000))") ==
          SQLITE_OK);
  {
    const Full full;
    CHECK(writer("UPDATE sqlar SET name = name || '2'") == SQLITE_FULL);
  }
  CHECK(writer("COMMIT") != SQLITE_OK);
  static_cast<void>(writer("ROLLBACK"));
  CHECK(names_of(*Archive::open_file(path)) == Names{"l", "lib/big", "main.tcl"});
  CHECK(run(scratch.path(), "sqlite3 --append a.kit 'PRAGMA integrity_check'") == "ok\n");
  CHECK(writer("UPDATE sqlar SET mtime = 5") == SQLITE_OK);
}

TEST_CASE("the name of a journal that another has made is synced, also where it has the inode number of one before") {
  const Scratch scratch;
  const std::string path = scratch / "a.kit";
  write_host_file(path, kit());
  class Syncs : public HostWatch {
   public:
    void synced(int fd) override {
      struct stat status;
      if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) ++directories;
    }
    int directories = 0;
  };
  const Connection writer(path);
  REQUIRE(writer("PRAGMA journal_mode=PERSIST; UPDATE sqlar SET mtime = 5") == SQLITE_OK);
  {
    const Syncs again;
    REQUIRE(writer("UPDATE sqlar SET mtime = 6") == SQLITE_OK);
    CHECK(again.directories == 0);
  }
  REQUIRE(::unlink((path + "-journal").c_str()) == 0);
  REQUIRE(Connection(path)("PRAGMA journal_mode=PERSIST; UPDATE sqlar SET mtime = 7") == SQLITE_OK);
  REQUIRE(::access((path + "-journal").c_str(), F_OK) == 0);
  const Syncs anew;
  REQUIRE(writer("UPDATE sqlar SET mtime = 8") == SQLITE_OK);
  CHECK(anew.directories == 1);
}
