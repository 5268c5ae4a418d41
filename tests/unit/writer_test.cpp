// SPDX-License-Identifier: MIT

#include "archive/writer.h"

#include <sys/stat.h>

#include <algorithm>

#include "archive/packages.h"
#include "fake_elf.h"
#include "support.h"

using namespace starlit;

namespace {

std::string written(const NewArchive& archive) {
  const Scratch scratch;
  write_archive(scratch / "out", archive);
  return read_host_file(scratch / "out");
}

NewArchive many_members() {
  NewArchive archive;
  for (int i = 0; i < 300; ++i) {
    archive.members.push_back(
        new_file("d" + std::to_string(i % 7) + "/f" + std::to_string(i),
             noise(static_cast<std::size_t>(i)) + std::string(static_cast<std::size_t>(i * 17 % 5000), 'x')));
  }
  return archive;
}

// An error on writing must leave the directory as it was.
Error refusal(NewArchive archive) {
  const Scratch scratch;
  write_host_file(scratch / "out", "old");
  const Error error = error_of([&] { write_archive(scratch / "out", std::move(archive)); });
  CHECK(host_names(scratch.path()) == Names{"out"});
  CHECK(read_host_file(scratch / "out") == "old");
  return error;
}

mode_t permissions_of(const std::string& path) {
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("what is written is read") {
  const auto bytes = plain_bytes({new_file("a", "content of a", 0751), new_directory("d", 0700), new_link("l", "d/x"), new_file("e", "")});
  const auto archive = open_kit(bytes);
  CHECK(names_of(*archive) == Names{"a", "d", "e", "l"});
  CHECK(archive->find("a")->mode() == (S_IFREG | 0751));
  CHECK(archive->find("a")->mtime_s == 1000000000);
  CHECK(archive->find("d")->mode() == (S_IFDIR | 0700));
  CHECK(archive->link_target("l") == "d/x");
  CHECK(content_of(*archive, "a") == "content of a");
  CHECK(content_of(*archive, "e") == "");
}

TEST_CASE("the sqlite3 shell reads what is written") {
  const Scratch scratch;
  write_host_file(scratch / "x.db", plain_bytes({new_file("a", std::string(1000, 'a'), 0751), new_directory("d"), new_link("l", "a")}));
  CHECK(run(scratch.path(), "sqlite3 x.db 'PRAGMA integrity_check'") == "ok\n");
  CHECK(run(scratch.path(), "sqlite3 x.db 'SELECT name, mode, mtime, sz, data IS NULL, length(data) FROM sqlar ORDER BY name'") ==
        "a|33257|1000000000|1000|0|17\nd|16877|1000000000|0|1|\nl|41471|1000000000|-1|0|1\n");
  run(scratch.path(), "mkdir out && cd out && sqlite3 -A -x -f ../x.db a d");
  CHECK(read_host_file(scratch / "out/a") == std::string(1000, 'a'));
  CHECK(host_names(scratch / "out") == Names{"a", "d"});
}

TEST_CASE("the same input gives the same bytes") {
  CHECK((written(many_members()) == written(many_members())));
}

TEST_CASE("the order in which members come does not change the bytes") {
  NewArchive backward = many_members();
  std::reverse(backward.members.begin(), backward.members.end());
  CHECK((written(many_members()) == written(backward)));
}

TEST_CASE("the number of threads does not change the bytes") {
  NewArchive one = many_members();
  one.threads = 1;
  NewArchive many = many_members();
  many.threads = 9;
  CHECK((written(one) == written(many)));
}

TEST_CASE("an archive without members is an archive") {
  const auto bytes = plain_bytes({});
  CHECK(names_of(*open_kit(bytes)).empty());
}

TEST_CASE("two members of one name are refused") {
  NewArchive archive;
  archive.members = {new_file("a/b", "1"), new_file("c", ""), new_file("a/b", "2")};
  const Error error = refusal(archive);
  CHECK(error.text() == "couldn't add \"a/b\": two members of this name");
  CHECK(error.posix() == EEXIST);
}

TEST_CASE("names that are no members' names are refused") {
  struct Row {
    const char *name, *text;
  };
  for (const Row& row : {Row{"", "couldn't add \"\": the name is empty"},
                         Row{"../x", "couldn't add \"../x\": the name has a part \"..\""},
                         Row{"/x", "couldn't add \"/x\": the name is absolute"},
                         Row{"a//b", "couldn't add \"a//b\": the name has an empty part"}}) {
    NewArchive archive;
    archive.members = {new_file("good", ""), new_file(row.name, "")};
    const Error error = refusal(archive);
    CHECK(error.text() == row.text);
    CHECK(error.code() == "NAME");
  }
}

TEST_CASE("a missing or unreadable input is named and nothing is written") {
  const Scratch scratch;
  NewArchive archive;
  archive.members = {new_file("a", "")};
  archive.members[0].path = scratch / "no";
  CHECK(refusal(archive).text() == "couldn't open \"" + (scratch / "no") + "\": no such file or directory");
  archive.members[0].path = scratch.path();
  CHECK(refusal(archive).posix() == EISDIR);
}

TEST_CASE("times beyond the latest allowed become that one") {
  NewArchive archive;
  archive.members = {new_file("old", ""), new_file("new", ""), new_directory("d"), new_link("l", "x")};
  archive.members[0].mtime_s = 5;
  archive.members[1].mtime_s = 4102444800;
  archive.mtime_max_s = 1000;
  const std::string bytes = written(archive);
  const auto read = open_kit(bytes);
  CHECK(read->find("old")->mtime_s == 5);
  CHECK(read->find("new")->mtime_s == 1000);
  CHECK(read->find("d")->mtime_s == 1000);
  CHECK(read->find("l")->mtime_s == 1000);
}

TEST_CASE("content is stored as it is where deflate does not make it smaller") {
  const std::string bytes = plain_bytes({new_file("noise", noise(5000)), new_file("zeros", std::string(5000, '\0'))});
  const auto archive = open_kit(bytes);
  CHECK(archive->find("noise")->stored_bytes == 5000);
  CHECK(archive->find("zeros")->stored_bytes < 50);
  CHECK(bytes.find(noise(400)) != std::string::npos);
}

TEST_CASE("level 0 stores everything") {
  NewArchive archive;
  archive.members = {new_file("zeros", std::string(5000, '\0'))};
  archive.level = 0;
  const std::string bytes = written(archive);
  CHECK(open_kit(bytes)->find("zeros")->stored_bytes == 5000);
  CHECK(content_of(*open_kit(bytes), "zeros") == std::string(5000, '\0'));
}

TEST_CASE("the page size is chosen by the size of the members unless given") {
  const auto page_size = [](const std::string& bytes) {
    return static_cast<unsigned char>(bytes[16]) * 256 + static_cast<unsigned char>(bytes[17]);
  };
  NewArchive small;
  small.members = {new_file("a", "x")};
  CHECK(page_size(written(small)) == 512);
  NewArchive large;
  large.members = {new_file("a", noise(100000))};
  CHECK(page_size(written(large)) == 4096);
  large.page_size_bytes = 1024;
  CHECK(page_size(written(large)) == 1024);
}

TEST_CASE("the header of the database names the format") {
  const std::string bytes = plain_bytes({new_file("a", "x")});
  CHECK(bytes.substr(68, 4) == "Strl");
  CHECK(bytes.substr(60, 4) == std::string("\0\0\0\1", 4));
  CHECK(bytes.substr(24, 4) == std::string("\0\0\0\1", 4));
}

TEST_CASE("a kit is its header padded to a page, the archive and the mark") {
  struct Row {
    std::size_t script, offset;
  };
  for (const Row& row : {Row{1, 4096}, Row{4095, 4096}, Row{4096, 4096}, Row{4097, 8192}}) {
    INFO(row.script);
    NewArchive archive;
    archive.members = {new_file("main.tcl", "puts hello\n")};
    archive.script = std::string(row.script, 's');
    const std::string bytes = written(archive);
    CHECK(bytes.substr(0, row.script) == archive.script);
    CHECK(bytes.substr(row.offset, 16) == std::string("SQLite format 3\0", 16));
    CHECK(bytes.substr(bytes.size() - 25, 17) == "Start-Of-SQLite3-");
    CHECK(bytes.substr(bytes.size() - 8) == std::string("\0\0\0\0\0\0", 6) + static_cast<char>(row.offset >> 8) + '\0');
    CHECK((bytes.size() - 25 - row.offset) % 512 == 0);
    CHECK(content_of(*open_kit(bytes), "main.tcl") == "puts hello\n");
  }
}

TEST_CASE("what was written is counted") {
  const Scratch scratch;
  NewArchive archive;
  archive.members = {new_file("a", "12345"), new_directory("d"), new_file("d/b", std::string(1000, 'x'))};
  archive.script = "#!/bin/sh\n";
  const Written result = write_archive(scratch / "out", archive);
  CHECK(result.members == 3);
  CHECK(result.content_bytes == 1005);
  CHECK(result.file_bytes == static_cast<std::int64_t>(read_host_file(scratch / "out").size()));
}

TEST_CASE("an archive is executable where it has something in front of it") {
  const Scratch scratch;
  const mode_t old = ::umask(022);
  NewArchive archive;
  write_archive(scratch / "plain", archive);
  archive.permissions = 0600;
  write_archive(scratch / "private", archive);
  archive.permissions.reset();
  archive.script = "#!/bin/sh\n";
  write_archive(scratch / "kit", archive);
  ::umask(old);
  CHECK(permissions_of(scratch / "plain") == 0644);
  CHECK(permissions_of(scratch / "private") == 0600);
  CHECK(permissions_of(scratch / "kit") == 0755);
}

TEST_CASE("members come from the host's files as lstat sees them") {
  const Scratch scratch;
  run(scratch.path(), "echo hello >f && chmod 640 f && touch -d @1234567890 f && ln -s no/where l && mkdir d && mkfifo p");
  const NewMember f = member_from_file("x/f", scratch / "f");
  CHECK(f.name == "x/f");
  CHECK(f.type == MemberType::kFile);
  CHECK(f.permissions == 0640);
  CHECK(f.mtime_s == 1234567890);
  CHECK(f.size_bytes == 6);
  CHECK(f.path == (scratch / "f"));
  const NewMember l = member_from_file("l", scratch / "l");
  CHECK(l.type == MemberType::kLink);
  CHECK(l.content == "no/where");
  CHECK(member_from_file("d", scratch / "d").type == MemberType::kDirectory);
  CHECK(error_of([&] { member_from_file("p", scratch / "p"); }).text() ==
        "couldn't add \"" + (scratch / "p") + "\": neither a file nor a directory nor a link");
  CHECK(error_of([&] { member_from_file("no", scratch / "no"); }).posix() == ENOENT);
  NewArchive archive;
  archive.members = {f, l};
  const std::string bytes = written(archive);
  CHECK(content_of(*open_kit(bytes), "x/f") == "hello\n");
}

TEST_CASE("a full disk is an error of writing an archive and leaves nothing") {
  NewArchive archive;
  archive.members = {new_file("large", noise(1'000'000))};
  for (const char* script : {"", "#!/bin/sh\n"}) {
    archive.script = script;
    for (const std::uint64_t room : {0, 4096, 300'000}) {
      INFO(room);
      const Scratch scratch;
      {
        const FullDisk full(room);
        const Error error = error_of([&] { write_archive(scratch / "out", archive); });
        CHECK(error.text().starts_with("couldn't write \"" + (scratch / "out") + "\": "));
      }
      CHECK(host_names(scratch.path()).empty());
    }
  }
}

TEST_CASE("an output that is a directory is refused") {
  const Scratch scratch;
  CHECK(error_of([&] { write_archive(scratch.path(), NewArchive()); }).posix() == EISDIR);
}

TEST_CASE("progress of writing is told and may abandon") {
  NewArchive archive = many_members();
  std::int64_t total = 0;
  for (const NewMember& member : archive.members) total += member.size_bytes;
  std::int64_t last = -1;
  archive.progress = [&](std::int64_t done, std::int64_t all) {
    CHECK(done >= last);
    CHECK(all == total);
    last = done;
  };
  written(archive);
  CHECK(last == total);
  const Scratch scratch;
  archive.progress = [](std::int64_t done, std::int64_t) {
    if (done > 1000) throw Error(EINTR, "ABANDONED", "abandoned");
  };
  CHECK(error_of([&] { write_archive(scratch / "out", archive); }).code() == "ABANDONED");
  CHECK(host_names(scratch.path()).empty());
}

TEST_CASE("a program without an archive becomes a runtime, and a runtime with an application a starpack") {
  const Scratch scratch;
  write_host_file(scratch / "elf", fake_elf({Note::kBuildId, Note::kOther}, 5000));
  NewArchive runtime;
  runtime.program_path = scratch / "elf";
  runtime.members = {new_directory("lib"), new_file("lib/init.tcl", std::string(2000, 'i')), new_file("shared.tcl", "runtime's"),
                     new_file("lib/json/pkgIndex.tcl", "#")};
  runtime.packages = {{"json", "1.3", "lib/json", ""}};
  write_archive(scratch / "tclkit", runtime);
  const auto tclkit = Archive::open_file(scratch / "tclkit");
  CHECK(runtime_members(*tclkit) ==
        std::set<std::string, std::less<>>{"lib", "lib/init.tcl", "lib/json/pkgIndex.tcl", "shared.tcl"});

  NewArchive app;
  app.runtime_path = scratch / "tclkit";
  app.members = {new_file("main.tcl", "puts hello\n"), new_file("shared.tcl", "the application's"), new_link("a", "main.tcl")};
  app.packages = {{"own", "1", "app", ""}};
  write_archive(scratch / "app", app);
  const std::string bytes = read_host_file(scratch / "app");
  CHECK(bytes.substr(8192, 15) == "SQLite format 3");
  const Elf64_Phdr header = program_header(bytes, 2);
  CHECK(header.p_type == Elf64_Word{PT_LOAD});
  CHECK(header.p_offset == 8192);
  CHECK(header.p_filesz == bytes.size() - 8192);
  CHECK(permissions_of(scratch / "app") == (0755 & permissions_of(scratch / "app")));
  const auto starpack = Archive::open_file(scratch / "app");
  CHECK(names_of(*starpack) ==
        Names{"a", "lib", "lib/init.tcl", "lib/json/pkgIndex.tcl", "main.tcl", "shared.tcl"});
  CHECK(content_of(*starpack, "lib/init.tcl") == std::string(2000, 'i'));
  CHECK(content_of(*starpack, "shared.tcl") == "the application's");
  CHECK(runtime_members(*starpack) == std::set<std::string, std::less<>>{"lib", "lib/init.tcl", "lib/json/pkgIndex.tcl"});
  CHECK(find_packages(*starpack, "json")->size() == 1);
  CHECK(find_packages(*starpack, "own")->size() == 1);
  CHECK(run(scratch.path(), "sqlite3 --append app 'PRAGMA integrity_check'") == "ok\n");

  SECTION("a starpack serves as a runtime for another application, without its own members") {
    app.runtime_path = scratch / "app";
    app.members = {new_file("other.tcl", "")};
    app.packages.emplace();
    write_archive(scratch / "other", app);
    const auto other = Archive::open_file(scratch / "other");
    CHECK(names_of(*other) == Names{"lib", "lib/init.tcl", "lib/json/pkgIndex.tcl", "other.tcl"});
    REQUIRE(find_packages(*other, "json"));
    CHECK(find_packages(*other, "json")->size() == 1);
    CHECK(find_packages(*other, "own")->empty());
  }
  SECTION("without the packages of all members none are recorded") {
    app.packages.reset();
    write_archive(scratch / "other", app);
    CHECK_FALSE(find_packages(*Archive::open_file(scratch / "other"), "json"));
  }
  SECTION("a starpack may be written over the runtime it is made of") {
    app.runtime_path = scratch / "app";
    app.members = {new_file("new.tcl", "new")};
    write_archive(scratch / "app", app);
    CHECK(content_of(*Archive::open_file(scratch / "app"), "new.tcl") == "new");
    CHECK(content_of(*starpack, "main.tcl") == "puts hello\n");
  }
}

TEST_CASE("a runtime's members may have any name a member can have") {
  const Scratch scratch;
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  NewArchive runtime;
  runtime.program_path = scratch / "elf";
  runtime.members = {new_file("line\nbreak", "1"), new_file("tab\there", "2"), new_file(" space ", "3")};
  write_archive(scratch / "tclkit", runtime);
  NewArchive app;
  app.runtime_path = scratch / "tclkit";
  write_archive(scratch / "app", app);
  CHECK(names_of(*Archive::open_file(scratch / "app")) == Names{" space ", "line\nbreak", "tab\there"});
}

TEST_CASE("what is no runtime is refused as one") {
  const Scratch scratch;
  NewArchive app;
  app.members = {new_file("main.tcl", "")};
  app.runtime_path = scratch / "no";
  CHECK(refusal(app).posix() == ENOENT);
  app.runtime_path = scratch / "kit";
  write_host_file(scratch / "kit", kit_bytes({new_file("a", "")}));
  CHECK(refusal(app).text() == "couldn't use \"" + (scratch / "kit") + "\" as a runtime: not an ELF program");
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  app.runtime_path = scratch / "elf";
  CHECK(refusal(app).code() == "NOTKIT");
  NewArchive bare;
  bare.program_path = scratch / "elf";
  write_archive(scratch / "bare", bare);
  app.runtime_path = scratch / "bare";
  CHECK(refusal(app).text() == "couldn't use \"" + (scratch / "bare") + "\" as a runtime: it holds no Tcl library");
}

TEST_CASE("a disk that is full when the prefix of a starpack is written leaves nothing") {
  const Scratch scratch;
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  NewArchive runtime;
  runtime.program_path = scratch / "elf";
  runtime.members = {new_file("a", "x")};
  const std::int64_t size = write_archive(scratch / "whole", runtime).file_bytes;
  {
    const FullDisk full(static_cast<std::uint64_t>(size) - 1);
    error_of([&] { write_archive(scratch / "out", runtime); });
  }
  CHECK(host_names(scratch.path()) == Names{"elf", "whole"});
}

TEST_CASE("large contents are cut into chunks, numbered in the order of names") {
  const Scratch scratch;
  const std::string noisy = noise((17 << 20) + 5), wordy = text(18 << 20), whole = text(16 << 20);
  write_host_file(scratch / "wordy", wordy);
  NewArchive archive;
  archive.members = {new_file("noisy", noisy), new_file("small", "x"), new_file("whole", whole),
                     member_from_file("a/wordy", scratch / "wordy")};
  std::int64_t told = 0, total = 0;
  archive.progress = [&](std::int64_t done, std::int64_t all) {
    CHECK(done >= told);
    told = done;
    total = all;
  };
  const Written written = write_archive(scratch / "a.db", archive);
  CHECK(written.members == 4);
  CHECK(written.content_bytes == static_cast<std::int64_t>(noisy.size() + wordy.size() + whole.size() + 1));
  CHECK(told == written.content_bytes);
  CHECK(total == written.content_bytes);

  const auto open = Archive::open_file(scratch / "a.db");
  CHECK(open->find("a/wordy")->chunks == 1);
  CHECK(open->find("noisy")->chunks == 2);
  CHECK(open->find("whole")->chunks == 0);
  CHECK(content_of(*open, "a/wordy") == wordy);
  CHECK(content_of(*open, "noisy") == noisy);
  CHECK(content_of(*open, "whole") == whole);
  CHECK(content_of(*open, "small") == "x");
  CHECK(open->stored_bytes(*open->find("a/wordy")) < 10 << 20);
  CHECK(open->stored_bytes(*open->find("noisy")) == static_cast<std::int64_t>(noisy.size()));
  CHECK(run(scratch.path(), "sqlite3 a.db 'SELECT count(*), min(id), max(id) FROM starlit_chunk; PRAGMA page_size'") ==
        "141|16777216|33554500\n16384\n");

  const std::string bytes = read_host_file(scratch / "a.db");
  archive.progress = {};
  for (const unsigned threads : {1u, 5u}) {
    archive.threads = threads;
    write_archive(scratch / "b.db", archive);
    CHECK(read_host_file(scratch / "b.db") == bytes);
  }
}

TEST_CASE("an archive without large contents has no table for them") {
  const Scratch scratch;
  write_host_file(scratch / "a.db", plain_bytes({new_file("a", "x")}));
  CHECK(run(scratch.path(), "sqlite3 a.db .tables") == "sqlar         starlit_fact\n");
}

TEST_CASE("a runtime's large members are copied as they lie") {
  const Scratch scratch;
  const std::string first = text(17 << 20), second = noise(17 << 20), own = text(20 << 20);
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  NewArchive runtime;
  runtime.program_path = scratch / "elf";
  runtime.members = {new_file("a", first), new_file("c", second)};
  write_archive(scratch / "tclkit", std::move(runtime));
  NewArchive app;
  app.runtime_path = scratch / "tclkit";
  app.members = {new_file("b", own), new_file("main.tcl", "")};
  write_archive(scratch / "app", std::move(app));
  const auto open = Archive::open_file(scratch / "app");
  CHECK(open->find("a")->chunks == 1);
  CHECK(open->find("b")->chunks == 2);
  CHECK(open->find("c")->chunks == 3);
  CHECK(content_of(*open, "a") == first);
  CHECK(content_of(*open, "b") == own);
  CHECK(content_of(*open, "c") == second);
}

TEST_CASE("a large file that changes its size while it is read is refused, and one beyond all bounds") {
  const Scratch scratch;
  write_host_file(scratch / "large", text(17 << 20));
  NewArchive archive;
  archive.members = {member_from_file("large", scratch / "large")};
  write_host_file(scratch / "large", text((17 << 20) + 1));
  CHECK(error_of([&] { write_archive(scratch / "a.db", archive); }).code() == "CHANGED");
  write_host_file(scratch / "large", text((17 << 20) - 1));
  CHECK(error_of([&] { write_archive(scratch / "a.db", archive); }).code() == "CHANGED");
  archive.members[0].size_bytes = (std::int64_t{1} << 42) + 1;
  CHECK(error_of([&] { write_archive(scratch / "a.db", archive); }).code() == "TOOBIG");
  CHECK(host_names(scratch.path()) == Names{"large"});
}
