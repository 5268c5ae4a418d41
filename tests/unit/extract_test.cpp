// SPDX-License-Identifier: MIT
//
// Unpacking: what comes out, and that nothing ever comes out elsewhere.

#include "archive/extract.h"

#include <sys/stat.h>

#include "archive/chunks.h"
#include "fake_elf.h"
#include "support.h"

using namespace starlit;

namespace {

// A directory with one file that no archive may touch, beside the target.
struct Host {
  Scratch scratch;
  std::string target = scratch / "target";

  Host() {
    write_host_file(scratch / "secret", "untouched");
    REQUIRE(::mkdir((scratch / "victim").c_str(), 0755) == 0);
  }

  Error refusal(Archive& archive) {
    const Error error = error_of([&] { extract_archive(archive, target, {}); });
    check_untouched();
    CHECK(host_names(scratch.path()) == Names{"secret", "victim"});
    return error;
  }

  void check_untouched() {
    CHECK(read_host_file(scratch / "secret") == "untouched");
    CHECK(host_names(scratch / "victim").empty());
  }
};

std::string row(const std::string& name, const std::string& content_hex = "78", int size = 1) {
  return "INSERT INTO sqlar VALUES('" + name + "', 33188, 1, " + std::to_string(size) + ", x'" + content_hex + "');";
}
std::string link_row(const std::string& name, const std::string& target) {
  return "INSERT INTO sqlar VALUES('" + name + "', 41471, 1, -1, '" + target + "');";
}

struct stat status_of(const std::string& path) {
  struct stat status;
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("members are unpacked with their modes, times and links") {
  Host host;
  NewMember old = new_file("d/old", "content", 0640);
  old.mtime_s = 123456789;
  NewMember dated = new_directory("d", 0750);
  dated.mtime_s = 5;
  const std::string bytes = kit_bytes(
      {dated, old, new_file("d/run", "#!", 0755), new_directory("empty", 0700), new_link("l", "d/old"), new_link("broken", "/no/where")});
  const auto archive = open_kit(bytes);
  CHECK(extract_archive(*archive, host.target, {}) == 6);
  CHECK(host_names(host.target) == Names{"broken", "d", "empty", "l"});
  CHECK(host_names(host.target + "/d") == Names{"old", "run"});
  CHECK(read_host_file(host.target + "/d/old") == "content");
  CHECK(status_of(host.target + "/d/old").st_mode == (S_IFREG | 0640));
  CHECK(status_of(host.target + "/d/old").st_mtime == 123456789);
  CHECK(status_of(host.target + "/d/run").st_mode == (S_IFREG | 0755));
  CHECK(status_of(host.target + "/d").st_mode == (S_IFDIR | 0750));
  CHECK(status_of(host.target + "/d").st_mtime == 5);
  CHECK(status_of(host.target + "/empty").st_mode == (S_IFDIR | 0700));
  CHECK(run(host.scratch.path(), "readlink target/l target/broken") == "d/old\n/no/where\n");
  CHECK(status_of(host.target + "/l").st_mtime == 1000000000);
}

TEST_CASE("directories that are only implied are made") {
  Host host;
  const std::string bytes = plain_bytes({new_file("a/b/c", "x"), new_link("e/f", "g")});
  CHECK(extract_archive(*open_kit(bytes), host.target, {}) == 2);
  CHECK(read_host_file(host.target + "/a/b/c") == "x");
  CHECK(host_names(host.target + "/e") == Names{"f"});
}

TEST_CASE("members with awkward names are unpacked") {
  Host host;
  const std::string longest(255, 'n');
  const std::string bytes = plain_bytes({new_file("line\nbreak", "1"), new_file("gr\xc3\xbc\xc3\x9f", "2"), new_file(longest, "3")});
  extract_archive(*open_kit(bytes), host.target, {});
  CHECK(host_names(host.target) == Names{"gr\xc3\xbc\xc3\x9f", "line\nbreak", longest});
}

TEST_CASE("large members are unpacked whole") {
  Host host;
  const std::string half = text(6'000'000);
  const std::string bytes = plain_bytes({new_file("deflated", half), new_file("stored", noise(5'000'000))});
  extract_archive(*open_kit(bytes), host.target, {});
  CHECK((read_host_file(host.target + "/deflated") == half));
  CHECK((read_host_file(host.target + "/stored") == noise(5'000'000)));
}

TEST_CASE("set-user-id, set-group-id and sticky bits are dropped") {
  Host host;
  const std::string bytes =
      plain_bytes({new_file("u", "x", 04755), new_file("g", "x", 02755), new_directory("t", 01777), new_directory("s", 02755)});
  extract_archive(*open_kit(bytes), host.target, {});
  CHECK(status_of(host.target + "/u").st_mode == (S_IFREG | 0755));
  CHECK(status_of(host.target + "/g").st_mode == (S_IFREG | 0755));
  CHECK(status_of(host.target + "/t").st_mode == (S_IFDIR | 0777));
  CHECK(status_of(host.target + "/s").st_mode == (S_IFDIR | 0755));
}

TEST_CASE("members of a directory without permissions are unpacked before it loses them") {
  Host host;
  const std::string bytes = plain_bytes({new_directory("d", 0), new_file("d/f", "x")});
  extract_archive(*open_kit(bytes), host.target, {});
  CHECK(status_of(host.target + "/d").st_mode == S_IFDIR);
  REQUIRE(::chmod((host.target + "/d").c_str(), 0700) == 0);
  CHECK(read_host_file(host.target + "/d/f") == "x");
}

TEST_CASE("the target must not be there") {
  Host host;
  const std::string bytes = plain_bytes({new_file("a", "x")});
  const auto archive = open_kit(bytes);
  const Error error = error_of([&] { extract_archive(*archive, host.scratch / "victim", {}); });
  CHECK(error.posix() == EEXIST);
  CHECK(error.text() == "couldn't create directory \"" + (host.scratch / "victim") + "\": file exists");
  CHECK(error_of([&] { extract_archive(*archive, host.scratch / "secret", {}); }).posix() == EEXIST);
  REQUIRE(::symlink("victim", host.target.c_str()) == 0);
  CHECK(error_of([&] { extract_archive(*archive, host.target, {}); }).posix() == EEXIST);
  CHECK(error_of([&] { extract_archive(*archive, host.scratch / "no/target", {}); }).posix() == ENOENT);
  host.check_untouched();
}

TEST_CASE("names that lead out of the target are refused before anything is made") {
  for (const char* name : {"../secret", "../victim/x", "a/../../secret", "/tmp/starlit-absolute", "..", "a//b", "./x/../../y"}) {
    INFO(name);
    Host host;
    SqlArchive archive(row("good") + row(name));
    CHECK(host.refusal(*archive).code() == "NAME");
  }
  CHECK(::access("/tmp/starlit-absolute", F_OK) != 0);
}

TEST_CASE("names that lead out are refused in an archive of . as well") {
  for (const char* name : {"./../secret", "../secret", "././../secret", "./", ".//etc"}) {
    INFO(name);
    Host host;
    SqlArchive archive("INSERT INTO sqlar VALUES('.', 16877, 1, 0, NULL);" + row("./good") + row(name));
    CHECK(host.refusal(*archive).code() == "NAME");
  }
}

TEST_CASE("no file is written through a link") {
  for (const char* target : {"../victim", "/tmp", ".", "..", "other"}) {
    INFO(target);
    Host host;
    SqlArchive archive(link_row("l", target) + row("l/escaped") + "INSERT INTO sqlar VALUES('other', 16877, 1, 0, NULL);");
    host.refusal(*archive);
    CHECK(::access("/tmp/escaped", F_OK) != 0);
  }
}

TEST_CASE("no directory is made and no mode is changed through a link") {
  Host host;
  const std::string name = "d";
  // Two rows of one name: a table without a key allows it.
  const std::string bytes = database_bytes(
      "CREATE TABLE sqlar(name, mode, mtime, sz, data);"
      "INSERT INTO sqlar VALUES('d', 41471, 1, -1, '../victim'), ('d', 16895, 1, 0, NULL), ('d/x', 33188, 1, 1, x'78');");
  host.refusal(*open_kit(bytes));
  CHECK((status_of(host.scratch / "victim").st_mode & 0777) == 0755);
}

TEST_CASE("no link is made through a link") {
  Host host;
  SqlArchive archive(link_row("l", "../victim") + link_row("l/escaped", "x"));
  host.refusal(*archive);
}

TEST_CASE("a member twice is refused and what was made is removed") {
  Host host;
  const std::string bytes = database_bytes(
      "CREATE TABLE sqlar(name, mode, mtime, sz, data);"
      "INSERT INTO sqlar VALUES('a', 33188, 1, 1, x'78'), ('d/b', 33188, 1, 1, x'78'), ('d/b', 33188, 1, 1, x'78');");
  CHECK(host.refusal(*open_kit(bytes)).posix() == EEXIST);
}

TEST_CASE("a file that has members below it is refused") {
  Host host;
  SqlArchive archive(row("a") + row("a/b"));
  CHECK(host.refusal(*archive).posix() == EEXIST);
}

TEST_CASE("damage in the last member leaves nothing of the first") {
  Host host;
  SqlArchive archive(row("a") + row("b/c") + link_row("l", "a") + row("z", "616263", 10));
  const Error error = host.refusal(*archive);
  CHECK(error.code() == "DATA");
  CHECK(error.text() == "couldn't read \"app.kit/z\": its deflated data is damaged");
}

TEST_CASE("damage in a large member leaves nothing") {
  Host host;
  SqlArchive archive(row("a") +
                     "INSERT INTO sqlar VALUES('z', 33188, 0, 6000000, deflate(text(5000000)));");
  CHECK(host.refusal(*archive).code() == "DATA");
}

TEST_CASE("a link whose target is missing or too long is refused") {
  Host host;
  SqlArchive empty("INSERT INTO sqlar VALUES('l', 41471, 0, -1, NULL);" + row("a"));
  host.refusal(*empty);
  SqlArchive large("INSERT INTO sqlar VALUES('l', 41471, 0, -1, zeroblob(5000));" + row("a"));
  host.refusal(*large);
}

TEST_CASE("a full disk is an error of unpacking and leaves nothing") {
  Host host;
  const std::string bytes = plain_bytes({new_file("a", "x"), new_file("b", noise(100'000))});
  const auto archive = open_kit(bytes);
  const FullDisk full(50'000);
  const Error error = host.refusal(*archive);
  CHECK(error.posix() == EFBIG);
  CHECK(error.text() == "couldn't write \"" + host.target + "/b\": file too large");
}

TEST_CASE("progress of unpacking is told and may abandon") {
  Host host;
  const std::string bytes = plain_bytes({new_file("a", "12345"), new_file("b", "1234567")});
  const auto archive = open_kit(bytes);
  std::vector<std::pair<std::int64_t, std::int64_t>> told;
  ExtractOptions options;
  options.progress = [&](std::int64_t done, std::int64_t total) { told.emplace_back(done, total); };
  extract_archive(*archive, host.target, options);
  CHECK(told == std::vector<std::pair<std::int64_t, std::int64_t>>{{5, 12}, {12, 12}});
  options.progress = [](std::int64_t, std::int64_t) { throw Error(EINTR, "ABANDONED", "abandoned"); };
  CHECK(error_of([&] { extract_archive(*archive, host.scratch / "second", options); }).code() == "ABANDONED");
  CHECK(host_names(host.scratch.path()) == Names{"secret", "target", "victim"});
}

TEST_CASE("the runtime's members stay in the executable unless asked for") {
  Host host;
  const Scratch scratch;
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  NewArchive runtime;
  runtime.program_path = scratch / "elf";
  runtime.members = {new_file("lib/init.tcl", "x")};
  write_archive(scratch / "tclkit", runtime);
  NewArchive app;
  app.runtime_path = scratch / "tclkit";
  app.members = {new_file("main.tcl", "x")};
  write_archive(scratch / "app", app);
  const auto archive = Archive::open_file(scratch / "app");
  CHECK(extract_archive(*archive, host.target, {}) == 1);
  CHECK(host_names(host.target) == Names{"main.tcl"});
  ExtractOptions all;
  all.runtime_members = true;
  CHECK(extract_archive(*archive, host.scratch / "all", all) == 2);
  CHECK(host_names(host.scratch / "all") == Names{"lib", "main.tcl"});
}

TEST_CASE("a file whose content is in chunks is unpacked, however small it is") {
  Host host;
  const SqlArchive archive(std::string(kChunkSchema) + "INSERT INTO sqlar VALUES('a', 33188, 1, 5, 7);" +
                           "INSERT INTO starlit_chunk VALUES(7 * 16777216, CAST('hello' AS BLOB));");
  CHECK(extract_archive(*archive, host.target, {}) == 1);
  CHECK(read_host_file(host.target + "/a") == "hello");
}

TEST_CASE("a content in chunks is unpacked piece by piece") {
  Host host;
  const Scratch scratch;
  const std::string large = text((17 << 20) + 3);
  write_host_file(scratch / "c.db", plain_bytes({new_file("large", large), new_file("small", "x")}));
  std::int64_t told = 0;
  ExtractOptions options;
  options.progress = [&](std::int64_t done, std::int64_t) { told = done; };
  CHECK(extract_archive(*Archive::open_file(scratch / "c.db"), host.scratch / "other", options) == 2);
  CHECK(read_host_file(host.scratch / "other/large") == large);
  CHECK(told == static_cast<std::int64_t>(large.size()) + 1);
}

TEST_CASE("members that are named are unpacked alone, with the directories they need") {
  Host host;
  NewMember directory = new_directory("d", 0750);
  directory.mtime_s = 5;
  const std::string bytes = kit_bytes({directory, new_file("d/one", "1"), new_file("d/two", "2"), new_file("e/three", "3"),
                                       new_link("link", "d/one")});
  ExtractOptions options;
  options.names = {"d", "d/two", "e/three", "link"};
  CHECK(extract_archive(*open_kit(bytes), host.target, options) == 4);
  CHECK(host_names(host.target) == Names{"d", "e", "link"});
  CHECK(host_names(host.target + "/d") == Names{"two"});
  CHECK((status_of(host.target + "/d").st_mode & 07777) == 0750);
  CHECK(status_of(host.target + "/d").st_mtime == 5);
  CHECK(read_host_file(host.target + "/e/three") == "3");
}

TEST_CASE("a name that no member has is an error, and nothing is made") {
  Host host;
  const std::string bytes = kit_bytes({new_file("one", "1")});
  ExtractOptions options;
  options.names = {"one", "two"};
  CHECK(error_of([&] { extract_archive(*open_kit(bytes), host.target, options); }).code() == "NOMEMBER");
  CHECK(host_names(host.scratch.path()) == Names{"secret", "victim"});
  options.names = {"../secret"};
  CHECK(error_of([&] { extract_archive(*open_kit(bytes), host.target, options); }).code() == "NOMEMBER");
  host.check_untouched();
}
