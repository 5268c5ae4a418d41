// SPDX-License-Identifier: MIT

#include "driver/mounts.h"

#include "support.h"

using namespace starlit;

namespace {

// Where a path lies: "MOUNTPOINT|NAME", or "" for no mount.
std::string place(const MountTable& table, std::string_view path) {
  const auto found = table.find(path);
  return found ? found->mount->point + "|" + found->name : "";
}

}  // namespace

TEST_CASE("a path is held by the mount at or above it") {
  MountTable table;
  table.add("/home/app.kit", nullptr, 7, "sqlar");
  CHECK(place(table, "/home/app.kit") == "/home/app.kit|");
  CHECK(place(table, "/home/app.kit/lib/a.tcl") == "/home/app.kit|lib/a.tcl");
  for (const std::string_view path : {"/home", "/", "", "/home/app.ki", "/home/app.kit2", "/home/app.kit2/a",
                                      "/home/app.kit.bak/a", "/home/app", "home/app.kit/a"}) {
    INFO(path);
    CHECK(place(table, path).empty());
  }
  CHECK(table.find("/home/app.kit")->mount->root_mtime_s == 7);
}

TEST_CASE("of nested mounts the longest holds the path") {
  MountTable table;
  table.add("/a", nullptr, 0, "sqlar");
  table.add("/a/b/c", nullptr, 0, "sqlar");
  table.add("/a/b", nullptr, 0, "sqlar");
  CHECK(place(table, "/a/x") == "/a|x");
  CHECK(place(table, "/a/b") == "/a/b|");
  CHECK(place(table, "/a/b/x") == "/a/b|x");
  CHECK(place(table, "/a/b/c/x/y") == "/a/b/c|x/y");
  CHECK(place(table, "/a/bb") == "/a|bb");
  CHECK(place(table, "/a/b/cc") == "/a/b|cc");
}

TEST_CASE("a mount point that sorts between another and its paths holds none of them") {
  MountTable table;
  table.add("/a", nullptr, 0, "sqlar");
  table.add("/a-", nullptr, 0, "sqlar");
  table.add("/a.kit", nullptr, 0, "sqlar");
  table.add("/a/b.kit", nullptr, 0, "sqlar");
  CHECK(place(table, "/a/b") == "/a|b");
  CHECK(place(table, "/a/z") == "/a|z");
  CHECK(place(table, "/a/b.kit/z") == "/a/b.kit|z");
  CHECK(place(table, "/a.kit/z") == "/a.kit|z");
}

TEST_CASE("the root may be a mount point") {
  MountTable table;
  table.add("/", nullptr, 0, "sqlar");
  table.add("/a", nullptr, 0, "sqlar");
  CHECK(place(table, "/") == "/|");
  CHECK(place(table, "/x/y") == "/|x/y");
  CHECK(place(table, "/a/y") == "/a|y");
}

TEST_CASE("one path is mounted once") {
  MountTable table;
  table.add("/a", nullptr, 0, "sqlar");
  const Error error = error_of([&] { table.add("/a", nullptr, 0, "sqlar"); });
  CHECK(error.posix() == EBUSY);
  CHECK(error.code() == "MOUNTED");
  CHECK(error.text() == "couldn't mount at \"/a\": something is mounted there already");
  CHECK(table.all().size() == 1);
}

TEST_CASE("what was unmounted is gone, and what is nested in it stays") {
  MountTable table;
  table.add("/a", nullptr, 0, "sqlar");
  table.add("/a/b", nullptr, 0, "sqlar");
  table.remove("/a");
  CHECK(place(table, "/a/x").empty());
  CHECK(place(table, "/a/b/x") == "/a/b|x");
  table.add("/a", nullptr, 0, "sqlar");
  CHECK(place(table, "/a/x") == "/a|x");
}

TEST_CASE("what is not mounted cannot be unmounted") {
  MountTable table;
  table.add("/a", nullptr, 0, "sqlar");
  const Error error = error_of([&] { table.remove("/a/b"); });
  CHECK(error.posix() == EINVAL);
  CHECK(error.code() == "NOTMOUNTED");
  CHECK(error.text() == "couldn't unmount \"/a/b\": nothing is mounted there");
}

TEST_CASE("a mount with open files stays until they are closed") {
  MountTable table;
  table.add("/a", nullptr, 0, "sqlar");
  const Place open = *table.find("/a/f");
  ++open.mount->channels;
  const Error error = error_of([&] { table.remove("/a"); });
  CHECK(error.posix() == EBUSY);
  CHECK(error.code() == "BUSY");
  CHECK(error.text() == "couldn't unmount \"/a\": 1 file is open");
  ++open.mount->channels;
  CHECK(error_of([&] { table.remove("/a"); }).text() == "couldn't unmount \"/a\": 2 files are open");
  open.mount->channels = 0;
  table.remove("/a");
  CHECK(table.all().empty());
}

TEST_CASE("a place keeps its mount, but an archive that was unmounted is closed") {
  const std::string kit = kit_bytes({new_file("a", "x")});
  MountTable table;
  table.add("/m", open_kit(kit), 0, "sqlar");
  const Place kept = *table.find("/m/a");
  CHECK(content_of(kept.mount->session()->archive(), kept.name) == "x");
  table.remove("/m");
  CHECK(error_of([&] { kept.mount->session(); }).posix() == ENOENT);
  CHECK(kept.mount->point == "/m");
}

TEST_CASE("mounts are listed in order, each a device of its own") {
  MountTable table;
  for (const char* point : {"/c", "/a", "/b"}) table.add(point, nullptr, 0, "sqlar");
  const auto all = table.all();
  REQUIRE(all.size() == 3);
  CHECK(all[0]->point == "/a");
  CHECK(all[1]->point == "/b");
  CHECK(all[2]->point == "/c");
  CHECK(all[0]->device != all[1]->device);
  CHECK(all[1]->device != all[2]->device);
  CHECK(all[0]->device != all[2]->device);
  const std::uint64_t device = all[0]->device;
  table.remove("/a");
  table.add("/a", nullptr, 0, "sqlar");
  CHECK(table.find("/a")->mount->device != device);
}
