// SPDX-License-Identifier: MIT
//
// A small kit, cut at every length and changed at every byte: each gives an answer or an Error; never a crash, another
// exception, an endless loop or memory without bound. Run it under the sanitizers (preset asan).

#include <filesystem>

#include "archive/extract.h"
#include "archive/packages.h"
#include "support.h"

using namespace starlit;

namespace {

constexpr std::size_t kPrefix = 4096;

// Bounds that no changed byte may break. A member of this kit can state no more than its stored bytes can hold.
constexpr std::int64_t kContentMax = 1032 * 16384;
constexpr int kMembersMax = 1000;
constexpr int kStepsMax = 2000;  // thousands of SQLite's instructions

std::string sample_kit() {
  const Scratch scratch;
  NewArchive archive;
  archive.script = "#!/bin/sh\n";
  archive.page_size_bytes = 512;
  archive.members = {new_file("main.tcl", "package require lib\nputs [lib::hello]\n"),
                     new_directory("ba"),
                     new_file("cc/x", "in a directory that is only implied"),
                     new_file("lib/lib.tcl", std::string(700, 'l') + noise(100)),
                     new_file("lib/noise", noise(600)),
                     new_file("lib/pkgIndex.tcl", "package ifneeded lib 1 {}\n"),
                     new_link("link", "lib/lib.tcl"),
                     new_link("loop", "loop")};
  for (int i = 0; i < 16; ++i) archive.members.push_back(new_file("many/" + std::string(10, static_cast<char>('a' + i)), "x"));
  archive.packages = {{"lib", "1", "lib", ""}, {"", "", "many", ""}};
  write_archive(scratch / "kit", archive);
  return read_host_file(scratch / "kit");
}

struct Tally {
  int good = 0, errors = 0;
};

void use(Archive& archive) {
  int steps = 0;
  sqlite3_progress_handler(
      archive.database(), 1000, [](void* count) { return ++*static_cast<int*>(count) > kStepsMax ? 1 : 0; }, &steps);
  // Each of these on its own: one that fails must not hide the next.
  const auto attempt = [](auto&& body) {
    try {
      body();
      return true;
    } catch (const Error& error) {
      if (error.text().empty()) FAIL("an error without a text");
      return false;
    }
  };
  Names files{"main.tcl", "lib/noise", "link", "no"};
  Names directories{"", "lib", "many", "ba", "cc"};
  bool good = attempt([&] {
    int members = 0;
    archive.each([&](std::string_view name, const Member& member) {
      if (++members > kMembersMax) FAIL("more members than there can be");
      (member.type == MemberType::kDirectory ? directories : files).emplace_back(name);
    });
  });
  for (const std::string& name : directories) {
    good &= attempt([&] {
      int members = 0;
      archive.children(name, [&](std::string_view, const Member&) {
        if (++members > kMembersMax) FAIL("more children than there can be");
      });
    });
  }
  for (const std::string& name : files) {
    good &= attempt([&] {
      const auto reader = archive.open(name);
      if (!reader) return;
      if (reader->size_bytes() > kContentMax) FAIL("more content than there can be");
      std::byte piece[4096];
      std::int64_t offset = 0;
      while (const std::size_t size = reader->read(offset, piece)) offset += static_cast<std::int64_t>(size);
      if (offset != reader->size_bytes()) FAIL("less content than stated");
    });
    good &= attempt([&] { archive.find(name); });
  }
  attempt([&] { archive.resolve("loop", true); });
  good &= attempt([&] { archive.resolve("link", true); });
  good &= attempt([&] { archive.may_hold_links(); });
  good &= attempt([&] { find_packages(archive, "lib"); });
  good &= attempt([&] { runtime_members(archive); });
  sqlite3_progress_handler(archive.database(), 0, nullptr, nullptr);
  if (steps > kStepsMax) FAIL("a loop without an end");
  if (!good) throw Error(EIO, "DAMAGED", "damaged");
}

// In memory; every `sample`th also from a file, and unpacked.
void probe(const std::string& bytes, bool sample, Tally& tally) {
  try {
    use(*open_kit(bytes));
    ++tally.good;
  } catch (const Error&) {
    ++tally.errors;
  }
  if (!sample) return;
  const Scratch scratch;
  write_host_file(scratch / "a.kit", bytes);
  try {
    use(*Archive::open_file(scratch / "a.kit"));
  } catch (const Error&) {
  }
  try {
    const auto archive = Archive::open_file(scratch / "a.kit");
    extract_archive(*archive, scratch / "out", {});
  } catch (const Error&) {
    if (std::filesystem::exists(scratch / "out")) FAIL("half of it is left");
  }
  // No journal, no temporary file, nothing above the target.
  for (const std::string& name : host_names(scratch.path())) {
    if (name != "a.kit" && name != "out") FAIL("something was left: " << name);
  }
}

void change_every_byte(unsigned char mask) {
  std::string kit = sample_kit();
  Tally tally;
  const std::size_t step = 100 / percent() | 1;  // odd: no alignment is left out
  for (std::size_t at = 0; at < kit.size(); at += step) {
    // The header is not read: a few of its bytes will do.
    if (at > 64 && at < kPrefix - 64) continue;
    INFO("byte " << at << " of " << kit.size() << ", mask " << int{mask});
    kit[at] = static_cast<char>(kit[at] ^ mask);
    probe(kit, at % (41 * step) == 0, tally);
    kit[at] = static_cast<char>(kit[at] ^ mask);
  }
  // A kit of which either outcome were rare would show little.
  CHECK(tally.good * static_cast<int>(step) > 500);
  CHECK(tally.errors * static_cast<int>(step) > 500);
}

}  // namespace

TEST_CASE("the kit that is going to be damaged is whole") {
  const std::string kit = sample_kit();
  CHECK(kit.size() > 8000);
  CHECK(kit.size() < 16384);
  const auto archive = open_kit(kit);
  use(*archive);
  CHECK(names_of(*archive).size() == 24);
}

TEST_CASE("a kit cut at every length is an error") {
  const std::string kit = sample_kit();
  for (std::size_t size = 0; size < kit.size(); ++size) {
    INFO("cut at " << size);
    const std::string_view cut = std::string_view(kit).substr(0, size);
    // A copy of exactly this size, so that the sanitizer sees a byte read too many.
    const std::vector<char> exact(cut.begin(), cut.end());
    bool refused = false;
    try {
      open_kit({exact.data(), exact.size()});
    } catch (const Error& error) {
      refused = !error.text().empty();
    }
    if (!refused) FAIL("it was opened");
  }
}

TEST_CASE("an archive cut at every length behind a mark that is right is an answer") {
  const std::string kit = sample_kit();
  const std::string mark = kit.substr(kit.size() - kMarkBytes);
  Tally tally;
  for (std::size_t size = kPrefix; size < kit.size() - kMarkBytes; ++size) {
    INFO("cut at " << size);
    probe(kit.substr(0, size) + mark, size % 41 == 0, tally);
  }
  CHECK(tally.good == 0);
}

TEST_CASE("an archive cut at every page, whose header agrees, is an answer") {
  const std::string kit = sample_kit();
  Tally tally;
  for (std::size_t pages = 1; kPrefix + pages * 512 < kit.size() - kMarkBytes; ++pages) {
    INFO(pages << " pages");
    std::string cut = kit.substr(0, kPrefix + pages * 512);
    cut[kPrefix + 28] = cut[kPrefix + 29] = 0;
    cut[kPrefix + 30] = static_cast<char>(pages >> 8);
    cut[kPrefix + 31] = static_cast<char>(pages);
    probe(cut + kit.substr(kit.size() - kMarkBytes), true, tally);
  }
  CHECK(tally.good == 0);
}

TEST_CASE("every byte of a kit inverted is an answer") { change_every_byte(0xff); }

TEST_CASE("every byte of a kit with its lowest bit flipped is an answer") { change_every_byte(0x01); }

TEST_CASE("every byte of a kit with its second bit flipped is an answer") { change_every_byte(0x02); }

TEST_CASE("every byte of a kit with its highest bit flipped is an answer") { change_every_byte(0x80); }
