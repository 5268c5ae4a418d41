// SPDX-License-Identifier: MIT

#include "archive/packages.h"

#include <algorithm>

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
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace

TEST_CASE("a recorded package is found, with the indices that must always be read") {
  const std::string kit = indexed_kit();
  const auto archive = open_kit(kit);
  CHECK(told(*find_packages(*archive, "json")) == Names{"json|1.3.4|lib/json|", "json|2.0|lib/json|", "||lib/odd|"});
  CHECK(told(*find_packages(*archive, "csv")) == Names{"csv|0.8||tm/csv-0.8.tm", "||lib/odd|"});
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
  SqlArchive archive("CREATE TABLE starlit_fact(x);");
  CHECK(error_of([&] { all_packages(*archive); }).posix() == EIO);
}

TEST_CASE("records whose text could be taken for several are not recorded") {
  CHECK(can_record({{"json", "1.3", "lib/json", ""}}));
  for (const char* bad : {"a\tb", "a\nb"}) {
    CHECK_FALSE(can_record({{"json", "1.3", bad, ""}}));
    CHECK_FALSE(can_record({{"json", "1.3", "", bad}}));
    CHECK_FALSE(can_record({{bad, "1.3", "lib", ""}}));
    const Scratch scratch;
    NewArchive archive;
    archive.packages = {{"json", "1.3", bad, ""}};
    write_archive(scratch / "out", archive);
    CHECK_FALSE(find_packages(*Archive::open_file(scratch / "out"), "json"));
  }
}

TEST_CASE("a record whose lines are cut short is not believed beyond its end") {
  for (const char* text : {"json", "json\t", "json\t1\t", "json\t1\tlib", "\n", "\t\t\t\t\t\n\n", "json\t1\tlib\t\n\t"}) {
    INFO(text);
    SqlArchive archive(
        "CREATE TABLE starlit_fact(key TEXT PRIMARY KEY, counter INT, sz INT, data BLOB) WITHOUT ROWID;"
        "INSERT INTO starlit_fact VALUES('packages', 1, " + std::to_string(std::string(text).size()) + ", CAST('" + text +
        "' AS BLOB));");
    try {
      CHECK(all_packages(*archive).size() <= 3);
      find_packages(*archive, "json");
    } catch (const Error& error) {
      CHECK_FALSE(error.text().empty());
    }
  }
}
