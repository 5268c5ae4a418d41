// SPDX-License-Identifier: MIT

#include "archive/member_changes.h"

#include <sys/stat.h>

#include "archive/chunks.h"
#include "archive/packages.h"
#include "fake_elf.h"
#include "support.h"

using namespace starlit;

namespace {

// A kit in a file: main.tcl, lib/a, lib/b, link -> main.tcl.
class KitFile {
 public:
  KitFile() {
    write_host_file(path(), kit_bytes({new_file("main.tcl", "puts hi"), new_directory("lib"), new_file("lib/a", "first"),
                                       new_file("lib/b", "second"), new_link("link", "main.tcl")}));
  }
  std::string path() const { return scratch_ / "a.kit"; }
  std::string operator/(std::string_view name) const { return scratch_ / name; }
  std::shared_ptr<Archive> open() const { return Archive::open_file(path()); }
  Names names() const { return names_of(*open()); }

 private:
  Scratch scratch_;
};

Added add(const KitFile& kit, std::vector<NewMember> members) { return add_members(kit.path(), std::move(members), {}); }

// An executable with runtime members `init.tcl` and `lib/tcl` and the application's main.tcl.
std::string starpack(const Scratch& scratch) {
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  NewArchive runtime;
  runtime.program_path = scratch / "elf";
  runtime.members = {new_file("init.tcl", "library"), new_file("lib/tcl", "more"), new_file("lib/tcl9", "newer")};
  write_archive(scratch / "tclkit", std::move(runtime));
  NewArchive app;
  app.runtime_path = scratch / "tclkit";
  app.members = {new_file("main.tcl", "app"), new_file("mine", "1")};
  write_archive(scratch / "app", std::move(app));
  return scratch / "app";
}

}  // namespace

TEST_CASE("what is added is there with permissions and time, and its directories are made") {
  const KitFile kit;
  NewMember member = new_file("data/deep/x", "content", 0640);
  member.mtime_s = 1234;
  const Added added = add(kit, {member, new_link("data/way", "deep")});
  CHECK(added.made == 2);
  CHECK(added.replaced == 0);
  CHECK(added.content_bytes == 7);
  const auto archive = kit.open();
  CHECK(content_of(*archive, "data/deep/x") == "content");
  CHECK(archive->find("data/deep/x")->permissions == 0640);
  CHECK(archive->find("data/deep/x")->mtime_s == 1234);
  CHECK(archive->link_target("data/way") == "deep");
  CHECK(archive->find("data")->type == MemberType::kDirectory);
  CHECK(content_of(*archive, "main.tcl") == "puts hi");
}

TEST_CASE("files and links replace each other") {
  const KitFile kit;
  const Added added = add(kit, {new_file("lib/a", "other", 0755), new_file("link", "now a file"), new_link("lib/b", "a")});
  CHECK(added.replaced == 3);
  const auto archive = kit.open();
  CHECK(content_of(*archive, "lib/a") == "other");
  CHECK(archive->find("lib/a")->permissions == 0755);
  CHECK(content_of(*archive, "link") == "now a file");
  CHECK(archive->link_target("lib/b") == "a");
}

TEST_CASE("a directory that is there keeps what is in it, and gets permissions and time") {
  const KitFile kit;
  NewMember directory = new_directory("lib", 0700);
  directory.mtime_s = 77;
  add(kit, {directory, new_file("lib/c", "third")});
  const auto archive = kit.open();
  CHECK(archive->find("lib")->permissions == 0700);
  CHECK(archive->find("lib")->mtime_s == 77);
  CHECK(children_of(*archive, "lib") == Names{"a", "b", "c"});
}

TEST_CASE("what cannot be added is an error, and nothing is added") {
  const KitFile kit;
  const std::string before = read_host_file(kit.path());
  const auto refused = [&](NewMember member) {
    const Error error = error_of([&] { add(kit, {new_file("first", "x"), std::move(member)}); });
    CHECK(kit.names() == Names{"lib", "lib/a", "lib/b", "link", "main.tcl"});
    return error;
  };
  CHECK(refused(new_file("lib", "x")).posix() == EISDIR);
  CHECK(refused(new_link("lib", "x")).posix() == EISDIR);
  CHECK(refused(new_directory("main.tcl")).posix() == ENOTDIR);
  CHECK(refused(new_file("main.tcl/x", "x")).posix() == ENOTDIR);
  CHECK(refused(new_file("link/x", "x")).posix() == ENOTDIR);
  CHECK(refused(new_file("../x", "x")).code() == "NAME");
  CHECK(refused(new_file("first", "again")).code() == "NAME");
  CHECK(refused(member_from_file("self", kit.path())).code() == "INSIDE");
  NewMember missing = new_file("gone", "");
  missing.path = kit / "nosuch";
  CHECK(refused(missing).posix() == ENOENT);
}

TEST_CASE("a large file is added in chunks") {
  const KitFile kit;
  const std::string large = noise((17 << 20) + 5);
  write_host_file(kit / "large", large);
  add(kit, {member_from_file("large", kit / "large")});
  const auto archive = kit.open();
  CHECK(archive->find("large")->chunks != 0);
  CHECK(content_of(*archive, "large") == large);
}

TEST_CASE("members are deleted, directories with all in them") {
  const KitFile kit;
  DeleteOptions options;
  CHECK(delete_members(kit.path(), {"link", "lib/a", "link"}, options) == 2);
  CHECK(kit.names() == Names{"lib", "lib/b", "main.tcl"});
  options.recursive = true;
  options.now_s = 5;
  CHECK(delete_members(kit.path(), {"lib/b", "lib"}, options) == 2);
  CHECK(kit.names() == Names{"main.tcl"});
}

TEST_CASE("what cannot be deleted is an error, and nothing is deleted") {
  const KitFile kit;
  const auto refused = [&](Names names, bool recursive) {
    DeleteOptions options;
    options.recursive = recursive;
    const Error error = error_of([&] { delete_members(kit.path(), std::move(names), options); });
    CHECK(kit.names() == Names{"lib", "lib/a", "lib/b", "link", "main.tcl"});
    return error;
  };
  CHECK(refused({"link", "nosuch"}, true).code() == "NOMEMBER");
  CHECK(refused({"link", "lib"}, false).code() == "DIRECTORY");
  CHECK(refused({"link", "../x"}, true).code() == "NOMEMBER");
  CHECK(refused({"link", ""}, true).code() == "NOMEMBER");
}

TEST_CASE("members of the runtime are deleted only when that is asked for") {
  const Scratch scratch;
  const std::string app = starpack(scratch);
  DeleteOptions options;
  options.recursive = true;
  CHECK(error_of([&] { delete_members(app, {"mine", "init.tcl"}, options); }).code() == "RUNTIME");
  CHECK(error_of([&] { delete_members(app, {"lib"}, options); }).code() == "RUNTIME");
  CHECK(names_of(*Archive::open_file(app)) == Names{"init.tcl", "lib/tcl", "lib/tcl9", "main.tcl", "mine"});
  CHECK(delete_members(app, {"mine"}, options) == 1);
  options.runtime_members = true;
  CHECK(delete_members(app, {"lib/tcl"}, options) == 1);
  const auto archive = Archive::open_file(app);
  CHECK(runtime_members(*archive) == std::set<std::string, std::less<>>{"init.tcl", "lib/tcl9"});
}

TEST_CASE("a member of the runtime that is replaced is the application's") {
  const Scratch scratch;
  const std::string app = starpack(scratch);
  struct stat before, after;
  REQUIRE(::stat(app.c_str(), &before) == 0);
  add_members(app, {new_file("init.tcl", "mine"), new_file("other", "x")}, {});
  REQUIRE(::stat(app.c_str(), &after) == 0);
  CHECK(before.st_ino != after.st_ino);
  CHECK(before.st_mode == after.st_mode);
  const auto archive = Archive::open_file(app);
  CHECK(content_of(*archive, "init.tcl") == "mine");
  CHECK(runtime_members(*archive) == std::set<std::string, std::less<>>{"lib/tcl", "lib/tcl9"});
}

TEST_CASE("members are deleted and added in one step, and what was a directory becomes a file") {
  const KitFile kit;
  Deletion deletion;
  deletion.names = {"lib", "link"};
  deletion.options.recursive = true;
  const Added added = add_members(kit.path(), {new_file("lib", "a file now"), new_file("new", "x")}, {}, deletion);
  CHECK(added.deleted == 4);
  CHECK(added.made == 2);
  CHECK(kit.names() == Names{"lib", "main.tcl", "new"});
}

TEST_CASE("where adding fails, nothing is deleted, and the other way round") {
  const KitFile kit;
  Deletion deletion;
  deletion.names = {"link"};
  CHECK(error_of([&] { add_members(kit.path(), {new_file("lib", "in the way")}, {}, deletion); }).code() == "DIRECTORY");
  deletion.names = {"link", "nosuch"};
  CHECK(error_of([&] { add_members(kit.path(), {new_file("new", "x")}, {}, deletion); }).code() == "NOMEMBER");
  CHECK(kit.names() == Names{"lib", "lib/a", "lib/b", "link", "main.tcl"});
}

TEST_CASE("attributes are set without the content, and only of what is there and no link") {
  const KitFile kit;
  NewMember file;
  file.name = "lib/a";
  file.attributes_only = true;
  file.permissions = 0700;
  file.mtime_s = 77;
  NewMember directory = file;
  directory.name = "lib";
  const Added added = add(kit, {file, directory});
  CHECK(added.made + added.replaced == 0);
  const auto archive = kit.open();
  CHECK(content_of(*archive, "lib/a") == "first");
  CHECK(archive->find("lib/a")->permissions == 0700);
  CHECK(archive->find("lib/a")->mtime_s == 77);
  CHECK(archive->find("lib")->permissions == 0700);
  CHECK(archive->find("lib")->mtime_s == 77);
  file.name = "nosuch";
  CHECK(error_of([&] { add(kit, {file}); }).code() == "NOMEMBER");
  file.name = "link";
  CHECK(error_of([&] { add(kit, {file}); }).code() == "LINK");
}
