// SPDX-License-Identifier: MIT
//
// A database behind a prefix, side by side with the sqlite3 shell and its --append.

#include "file_vfs.h"

#include <fcntl.h>
#include <sys/stat.h>

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
  CHECK(error.text() == "couldn't read \"" + (scratch / "a.kit") + "\": another process is changing the archive");
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
