// SPDX-License-Identifier: MIT

#include "archive/packages.h"

#include "support.h"

using namespace starlit;

namespace {

std::string indexed_kit() {
  const Scratch scratch;
  NewArchive archive;
  archive.members = {new_file("lib/json/pkgIndex.tcl", "#"), new_file("lib/odd/pkgIndex.tcl", "#"), new_file("tm/csv-0.8.tm", "#")};
  archive.packages = {{"json", "1.3.4", "lib/json", ""},
                      {"json", "2.0", "lib/json", ""},
                      {"csv", "0.8", "", "tm/csv-0.8.tm"},
                      {"", "", "lib/odd", ""}};
  archive.script = "#!/bin/sh\n";
  write_archive(scratch / "out", archive);
  return read_host_file(scratch / "out");
}

Names told(const std::vector<PackageRecord>& packages) {
  Names texts;
  for (const PackageRecord& package : packages) {
    texts.push_back(package.name + "|" + package.version + "|" + package.directory + "|" + package.module);
  }
  return texts;
}

}  // namespace

TEST_CASE("a recorded package is found, with the indices that must always be read") {
  const std::string kit = indexed_kit();
  const auto archive = open_kit(kit);
  CHECK(told(*find_packages(*archive, "json")) == Names{"||lib/odd|", "json|1.3.4|lib/json|", "json|2.0|lib/json|"});
  CHECK(told(*find_packages(*archive, "csv")) == Names{"||lib/odd|", "csv|0.8||tm/csv-0.8.tm"});
  CHECK(told(*find_packages(*archive, "JSON")) == Names{"||lib/odd|"});
  CHECK(told(*find_packages(*archive, "none")) == Names{"||lib/odd|"});
  CHECK(all_packages(*archive).size() == 4);
}

TEST_CASE("an archive without a record has no index") {
  const std::string kit = kit_bytes({new_file("a", "")});
  const auto archive = open_kit(kit);
  CHECK_FALSE(find_packages(*archive, "json"));
  CHECK(all_packages(*archive).empty());
  CHECK(runtime_members(*archive).empty());
  SqlArchive shell("");
  CHECK_FALSE(find_packages(*shell, "json"));
}

TEST_CASE("the record of a changed archive is not used") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", indexed_kit());
  const auto archive = Archive::open_file(scratch / "a.kit");
  CHECK(find_packages(*archive, "json"));
  run(scratch.path(), "echo '#' >new && sqlite3 --append a.kit '.ar -u new'");
  CHECK_FALSE(find_packages(*archive, "json"));
  CHECK_FALSE(find_packages(*Archive::open_file(scratch / "a.kit"), "json"));
  CHECK(all_packages(*archive).size() == 4);
}

TEST_CASE("the record of an archive is valid again never, also not after a change back") {
  const Scratch scratch;
  write_host_file(scratch / "a.kit", indexed_kit());
  run(scratch.path(), "echo x >n && sqlite3 --append a.kit '.ar -u n' && sqlite3 --append a.kit \"DELETE FROM sqlar WHERE name='n'\"");
  CHECK_FALSE(find_packages(*Archive::open_file(scratch / "a.kit"), "json"));
  run(scratch.path(), "sqlite3 --append a.kit VACUUM");
  CHECK_FALSE(find_packages(*Archive::open_file(scratch / "a.kit"), "json"));
}

TEST_CASE("a record in a table of other columns is an error and not a crash") {
  SqlArchive archive(
      "CREATE TABLE starlit_package(x); CREATE TABLE starlit_state(key TEXT PRIMARY KEY, value);"
      "INSERT INTO starlit_state SELECT 'packages', i FROM (SELECT 5 AS i);");
  archive->still_holds("packages");
  CHECK(error_of([&] { all_packages(*archive); }).posix() == EIO);
}
