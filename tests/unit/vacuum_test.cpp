// SPDX-License-Identifier: MIT

#include "archive/vacuum.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>

#include "archive/check.h"
#include "archive/chunks.h"
#include "archive/editor.h"
#include "archive/facts.h"
#include "fake_elf.h"
#include "host_file.h"
#include "support.h"

using namespace starlit;

namespace {

const std::vector<PackageRecord> kPackages = {{"lib", "1", "lib", ""}};

void write_kit(const std::string& path) {
  NewArchive archive;
  archive.script = "#!/bin/sh\n";
  archive.page_size_bytes = 512;
  archive.members = {new_file("main.tcl", "puts hi"), new_file("lib/pkgIndex.tcl", "x")};
  for (int i = 0; i < 40; ++i) archive.members.push_back(new_file("data/" + std::to_string(100 + i), noise(2000)));
  archive.packages = kPackages;
  write_archive(path, std::move(archive));
}

// Deletes half of it.
void make_holes(const std::string& path) {
  const auto archive = Archive::open_file(path, Access::kWrite);
  Editor editor(archive);
  Transaction transaction(*archive);
  for (int i = 0; i < 40; i += 2) editor.remove_file("data/" + std::to_string(100 + i), 0);
  transaction.commit();
}

void put(const std::string& path, std::string_view name, std::string_view content) {
  const auto archive = Archive::open_file(path, Access::kWrite);
  Editor editor(archive);
  WorkingFile file(nullptr, [host = archive->host()] { return host->open_temporary(); });
  file.write(0, as_bytes(content));
  editor.put_file(name, 0644, 0, file);
}

// All that is in it; two archives with the same listing hold the same.
std::string listing(const std::string& path) {
  const auto archive = Archive::open_file(path);
  std::string text;
  archive->each([&](std::string_view name, const Member& member) {
    text += std::string(name) + " " + std::to_string(member.mode()) + " " + std::to_string(member.mtime_s) + " ";
    text += member.type == MemberType::kFile ? content_of(*archive, name) : archive->link_target(name).value_or("");
    text += "\n";
  });
  return text;
}

bool is_recorded(const std::string& path, std::string_view key) {
  return Archive::open_file(path)->recorded(key).has_value();
}

std::string faults(const std::string& path, bool repair = false) {
  std::string text;
  CheckOptions options;
  options.repair = repair;
  check_archive(path, options, [&](const Fault& fault) { text += fault.member + ": " + fault.text + "\n"; });
  return text;
}

std::int64_t number(const std::string& path, const std::string& sql) {
  const auto archive = Archive::open_file(path);
  const Statement query = prepare(archive->database(), sql, path);
  return sqlite3_step(query.get()) == SQLITE_ROW ? sqlite3_column_int64(query.get(), 0) : -1;
}

}  // namespace

TEST_CASE("unused space is freed in place, and the members stay") {
  const Scratch scratch;
  const std::string kit = scratch / "a.kit";
  write_kit(kit);
  const auto size = [&] { return static_cast<std::int64_t>(read_host_file(kit).size()); };
  const std::int64_t full = size();
  make_holes(kit);
  CHECK(size() == full);
  const std::string before = listing(kit);
  struct stat old_status, new_status;
  REQUIRE(::stat(kit.c_str(), &old_status) == 0);

  const Vacuumed done = vacuum_archive(kit, {});
  CHECK(done.before_bytes == full);
  CHECK(done.after_bytes == size());
  CHECK(size() < full - 40000);
  CHECK(listing(kit) == before);
  CHECK(faults(kit) == "");
  REQUIRE(::stat(kit.c_str(), &new_status) == 0);
  CHECK(new_status.st_ino == old_status.st_ino);
  CHECK(new_status.st_mode == old_status.st_mode);
  // The marks and the header are where they were, and the stock shell reads it.
  CHECK(run(scratch.path(), "sqlite3 --append a.kit 'SELECT count(*) FROM sqlar'") == "23\n");
  CHECK(host_names(scratch.path()) == Names{"a.kit"});
}

TEST_CASE("what is recorded holds afterwards if it held before") {
  const Scratch scratch;
  const std::string kit = scratch / "a.kit";
  write_kit(kit);
  make_holes(kit);
  REQUIRE(is_recorded(kit, kFactPackages));
  CHECK(vacuum_archive(kit, {}).has_index);
  CHECK(is_recorded(kit, kFactPackages));
  CHECK(is_recorded(kit, kFactLinkless));
  CHECK(find_packages(*Archive::open_file(kit), "lib")->size() == 1);

  // A foreign change: nothing holds any more.
  run(scratch.path(), "sqlite3 --append a.kit \"INSERT INTO sqlar VALUES('link', 41471, 0, -1, 'main.tcl')\"");
  REQUIRE_FALSE(is_recorded(kit, kFactPackages));
  CHECK_FALSE(vacuum_archive(kit, {}).has_index);
  CHECK_FALSE(is_recorded(kit, kFactPackages));
  CHECK_FALSE(is_recorded(kit, kFactLinkless));

  // Given anew, and given for another state.
  VacuumOptions options;
  options.index = {Archive::open_file(kit)->change_counter() - 1, kPackages};
  CHECK_FALSE(vacuum_archive(kit, options).has_index);
  options.index = {Archive::open_file(kit)->change_counter(), kPackages};
  CHECK(vacuum_archive(kit, options).has_index);
  CHECK(is_recorded(kit, kFactPackages));
  CHECK_FALSE(is_recorded(kit, kFactLinkless));
  CHECK(faults(kit) == "");
}

TEST_CASE("that no member is a link is found out anew") {
  const Scratch scratch;
  const std::string kit = scratch / "a.kit";
  write_kit(kit);
  run(scratch.path(), "sqlite3 --append a.kit \"DELETE FROM sqlar WHERE name = 'data/100'\"");
  REQUIRE_FALSE(is_recorded(kit, kFactLinkless));
  vacuum_archive(kit, {});
  CHECK(is_recorded(kit, kFactLinkless));
}

TEST_CASE("a package index can be recorded on its own, for the state that was looked at") {
  const Scratch scratch;
  const std::string kit = scratch / "a.kit";
  write_kit(kit);
  put(kit, "data/pkgIndex.tcl", "y");
  REQUIRE_FALSE(is_recorded(kit, kFactPackages));
  REQUIRE(is_recorded(kit, kFactLinkless));
  const std::uint32_t counter = Archive::open_file(kit)->change_counter();
  CHECK(error_of([&] { record_packages(kit, {counter - 1, kPackages}); }).code() == "CHANGED");
  CHECK_FALSE(is_recorded(kit, kFactPackages));
  record_packages(kit, {counter, kPackages});
  CHECK(is_recorded(kit, kFactPackages));
  CHECK(is_recorded(kit, kFactLinkless));
  CHECK(all_packages(*Archive::open_file(kit)).size() == 1);
}

TEST_CASE("a plain archive of the sqlite3 shell is vacuumed and gets no tables of ours") {
  const Scratch scratch;
  run(scratch.path(), "head -c 100000 /dev/urandom > x && echo y > y && sqlite3 -A -c -f a.db x y && "
                      "sqlite3 a.db \"DELETE FROM sqlar WHERE name = 'x'\"");
  const Vacuumed done = vacuum_archive(scratch / "a.db", {});
  CHECK(done.before_bytes > 100000);
  CHECK(done.after_bytes < 20000);
  CHECK_FALSE(done.has_index);
  CHECK(run(scratch.path(), "sqlite3 a.db .tables; sqlite3 a.db '.ar -t'") == "sqlar\ny\n");
}

TEST_CASE("pieces that nothing leads to are swept up, others stay with their version") {
  const Scratch scratch;
  const std::string file = scratch / "a.db";
  const std::string large = text(17 << 20);
  write_host_file(file, plain_bytes({new_file("large", large)}));
  run(scratch.path(), "sqlite3 a.db \"INSERT INTO starlit_chunk VALUES(5 << 24, zeroblob(10)), ((6 << 24) - 1, 3), "
                      "((1 << 24) + 100, zeroblob(30)), ((2 << 24) - 1, 3), (-4, zeroblob(40))\"");
  const Vacuumed done = vacuum_archive(file, {});
  CHECK(done.swept_chunks == 4);
  CHECK(number(file, "SELECT count(*) FROM starlit_chunk") == 69);
  CHECK(number(file, "SELECT data FROM starlit_chunk WHERE id = (2 << 24) - 1") == 3);
  CHECK(content_of(*Archive::open_file(file), "large") == large);
  CHECK(faults(file) == "");
}

TEST_CASE("a content that another process is writing is not swept up") {
  const Scratch scratch;
  const std::string file = scratch / "a.db";
  write_host_file(file, plain_bytes({new_file("large", text(17 << 20))}));
  run(scratch.path(), "sqlite3 a.db 'INSERT INTO starlit_chunk VALUES(5 << 24, zeroblob(10))'");
  // It grows while the vacuum looks a second time.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::execlp("sh", "sh", "-c", "sleep 1; sqlite3 \"$0\" 'INSERT INTO starlit_chunk VALUES((5 << 24) + 1, zeroblob(10))'",
             file.c_str(), nullptr);
    ::_exit(1);
  }
  const Vacuumed done = vacuum_archive(file, {});
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  CHECK(done.swept_chunks == 0);
  CHECK(number(file, "SELECT count(*) FROM starlit_chunk WHERE id >= 5 << 24") == 2);
}

TEST_CASE("what was deflated in haste is deflated anew, the rest with a level only") {
  const Scratch scratch;
  const std::string kit = scratch / "a.kit";
  const std::string content = text(300000), large = text(17 << 20);
  NewArchive archive;
  archive.script = "#!/bin/sh\n";
  archive.members = {new_file("good", content)};
  write_archive(kit, archive);
  put(kit, "hasty", content);
  put(kit, "large", large);
  const auto stored = [&](std::string_view name) {
    const auto open = Archive::open_file(kit);
    return open->stored_bytes(*open->find(name));
  };
  const std::int64_t hasty = stored("hasty"), hasty_large = stored("large"), good = stored("good");
  REQUIRE(hasty > good);
  VacuumOptions none;
  none.level = 0;
  CHECK(vacuum_archive(kit, none).deflated == 0);
  CHECK(stored("hasty") == hasty);
  CHECK(vacuum_archive(kit, {}).deflated == 1 + 68);
  CHECK(stored("hasty") == good);
  CHECK(stored("good") == good);
  CHECK(stored("large") < hasty_large);
  CHECK(vacuum_archive(kit, {}).deflated == 0);
  VacuumOptions best;
  best.level = 12;
  CHECK(vacuum_archive(kit, best).deflated > 0);
  CHECK(stored("hasty") < good);
  CHECK(stored("good") < good);
  const auto open = Archive::open_file(kit);
  CHECK(content_of(*open, "hasty") == content);
  CHECK(content_of(*open, "large") == large);
  CHECK(faults(kit) == "");
}

TEST_CASE("a content that is damaged stays as it is") {
  const Scratch scratch;
  make_database(scratch / "a.db", kSqlar + std::string("INSERT INTO sqlar VALUES('a', 33188, 0, 3000, "
                                                       "substr(deflate(text(3000)), 1, 900))"));
  VacuumOptions best;
  best.level = 12;
  CHECK(vacuum_archive(scratch / "a.db", best).deflated == 0);
  CHECK(number(scratch / "a.db", "SELECT length(data) FROM sqlar") == 900);
}

TEST_CASE("another file can be made instead") {
  const Scratch scratch;
  const std::string kit = scratch / "a.kit";
  write_kit(kit);
  make_holes(kit);
  const std::string before = read_host_file(kit);
  VacuumOptions options;
  options.output = scratch / "b.kit";
  const Vacuumed done = vacuum_archive(kit, options);
  CHECK(read_host_file(kit) == before);
  CHECK(listing(kit) == listing(scratch / "b.kit"));
  CHECK(done.before_bytes == static_cast<std::int64_t>(before.size()));
  CHECK(done.after_bytes == static_cast<std::int64_t>(read_host_file(scratch / "b.kit").size()));
  CHECK(done.after_bytes < done.before_bytes);
  struct stat a, b;
  REQUIRE(::stat(kit.c_str(), &a) == 0);
  REQUIRE(::stat((scratch / "b.kit").c_str(), &b) == 0);
  CHECK(a.st_mode == b.st_mode);
  CHECK(host_names(scratch.path()) == Names{"a.kit", "b.kit"});
}

TEST_CASE("an executable is made anew and takes its own place") {
  const Scratch scratch;
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  NewArchive runtime;
  runtime.program_path = scratch / "elf";
  runtime.members = {new_file("init.tcl", "library"), new_file("lib/pkgIndex.tcl", "x")};
  for (int i = 0; i < 40; ++i) runtime.members.push_back(new_file("data/" + std::to_string(100 + i), noise(2000)));
  runtime.packages = kPackages;
  const std::string app = scratch / "app";
  write_archive(app, std::move(runtime));
  make_holes(app);
  const std::string before = listing(app);
  struct stat old_status, new_status;
  REQUIRE(::stat(app.c_str(), &old_status) == 0);
  const Vacuumed done = vacuum_archive(app, {});
  REQUIRE(::stat(app.c_str(), &new_status) == 0);
  CHECK(new_status.st_ino != old_status.st_ino);
  CHECK(new_status.st_mode == old_status.st_mode);
  CHECK(done.after_bytes == new_status.st_size);
  CHECK(done.after_bytes < done.before_bytes - 30000);
  CHECK(done.has_index);
  CHECK(listing(app) == before);
  CHECK(is_recorded(app, kFactLinkless));
  CHECK(is_recorded(app, kFactPackages));
  // Of the runtime's members those that are there still.
  CHECK(runtime_members(*Archive::open_file(app)).size() == 22);
  CHECK(faults(app) == "");
  VacuumOptions options;
  options.output = scratch / "other";
  vacuum_archive(app, options);
  CHECK(listing(scratch / "other") == before);
  CHECK(host_names(scratch.path()) == Names{"app", "elf", "other"});
}

TEST_CASE("a disk that is full leaves the archive as it was") {
  const Scratch scratch;
  const std::string kit = scratch / "a.kit";
  write_kit(kit);
  make_holes(kit);
  const std::string before = listing(kit);
  {
    // VACUUM builds the whole of it in a temporary file first.
    const FullDisk full(20000);
    CHECK(error_of([&] { vacuum_archive(kit, {}); }).posix() == ENOSPC);
  }
  CHECK(faults(kit, true) == "");
  CHECK(listing(kit) == before);
}

TEST_CASE("a vacuum killed at any moment leaves an archive that is sound and holds the same") {
  const Scratch scratch;
  const std::string kit = scratch / "a.kit", original = scratch / "original.kit";
  write_kit(original);
  put(original, "hasty", text(3 << 20));
  make_holes(original);
  const std::string before = listing(original);
  // The time that one takes which is not killed.
  const auto now_us = [] {
    struct timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
  };
  write_host_file(kit, read_host_file(original));
  const auto start = now_us();
  vacuum_archive(kit, {});
  const auto whole_us = now_us() - start;
  int killed = 0, journals = 0;
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    write_host_file(kit, read_host_file(original));
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      try {
        vacuum_archive(kit, {});
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(whole_us * round / kRounds));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    killed += WIFSIGNALED(status) ? 1 : 0;
    INFO("killed after " << round << " of " << kRounds << " parts");
    journals += faults(kit) != "" ? 1 : 0;
    REQUIRE(faults(kit, true) == "");
    REQUIRE(listing(kit) == before);
  }
  CHECK(killed > kRounds / 3);
  INFO(journals << " with a change that was cut off");
  // And it can be vacuumed still.
  vacuum_archive(kit, {});
  CHECK(listing(kit) == before);
}
