// SPDX-License-Identifier: MIT

#include "archive/editor.h"

#include <fcntl.h>
#include <unistd.h>

#include "archive/chunks.h"
#include "archive/facts.h"
#include "archive/packages.h"
#include "base/file.h"
#include "support.h"

using namespace starlit;

namespace {

constexpr std::int64_t kNow = 1700000000;

// An archive in a file, opened for writing, and its editor.
class Open {
 public:
  explicit Open(const std::string& bytes) {
    write_host_file(scratch_ / "a.kit", bytes);
    archive_ = Archive::open_file(scratch_ / "a.kit", Access::kWrite);
    editor_ = std::make_unique<Editor>(archive_);
  }
  explicit Open(std::vector<NewMember> members) : Open(kit_bytes(std::move(members))) {}

  Editor* operator->() const noexcept { return editor_.get(); }
  Archive& archive() const noexcept { return *archive_; }
  const std::shared_ptr<Archive>& shared() const noexcept { return archive_; }
  const Scratch& scratch() const noexcept { return scratch_; }

  void put(std::string_view name, const std::string& content, std::uint32_t permissions = 0644) const {
    WorkingFile file(nullptr, [this] { return open_file(scratch_.path(), O_TMPFILE | O_RDWR, 0600); });
    file.write(0, as_bytes(content));
    (*editor_).put_file(name, permissions, kNow, file);
  }

  // What another process finds in the file.
  std::shared_ptr<Archive> other() const { return Archive::open_file(scratch_ / "a.kit"); }

 private:
  Scratch scratch_;
  std::shared_ptr<Archive> archive_;
  std::unique_ptr<Editor> editor_;
};

template <typename Body>
int posix_of_error(Body&& body) {
  return error_of(std::forward<Body>(body)).posix();
}

std::string rows_of(const Open& open) {
  return run(open.scratch().path(), "sqlite3 --append a.kit 'SELECT name, mode, mtime, sz FROM sqlar ORDER BY name'");
}

}  // namespace

TEST_CASE("a file is made and replaced, with its permissions and its time") {
  const Open open({new_directory("d")});
  open.put("d/a", "one", 0600);
  CHECK(content_of(*open.other(), "d/a") == "one");
  CHECK(open.other()->find("d/a")->permissions == 0600);
  CHECK(open.other()->find("d/a")->mtime_s == kNow);
  CHECK(open.other()->find("d")->mtime_s > kNow);  // now
  open.put("d/a", std::string(100'000, 'a'), 0755);
  CHECK((content_of(*open.other(), "d/a") == std::string(100'000, 'a')));
  CHECK(open.other()->find("d/a")->permissions == 0755);
  CHECK(open.other()->find("d/a")->stored_bytes < 1000);
  open.put("d/a", "");
  CHECK(content_of(*open.other(), "d/a").empty());
}

TEST_CASE("contents of every kind come back as they were, and those in rows to the sqlite3 shell too") {
  const Open open({new_file("x", "")});
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}, std::size_t{1} << 20,
                                 (std::size_t{4} << 20) - 1, std::size_t{4} << 20, (std::size_t{4} << 20) + 1,
                                 std::size_t{9} << 20, std::size_t{16} << 20}) {
    INFO(size);
    open.put("text", text(size));
    CHECK((content_of(*open.other(), "text") == text(size)));
    open.put("noise", noise(size));
    CHECK((content_of(*open.other(), "noise") == noise(size)));
    CHECK(open.archive().find("text")->chunks == 0);
    if (size == 9 << 20) {
      run(open.scratch().path(), "rm -rf out; mkdir out; cd out; sqlite3 --append ../a.kit '.ar -x text noise'");
      CHECK((read_host_file(open.scratch() / "out/text") == text(size)));
      CHECK((read_host_file(open.scratch() / "out/noise") == noise(size)));
    }
  }
}

TEST_CASE("making a file fails as open(2) does") {
  const Open open({new_file("a", "x"), new_directory("d"), new_file("implied/x", "x"), new_link("l", "a")});
  CHECK(posix_of_error([&] { open.put("d", "x"); }) == EISDIR);
  CHECK(posix_of_error([&] { open.put("implied", "x"); }) == EISDIR);
  CHECK(posix_of_error([&] { open.put("", "x"); }) == EISDIR);
  CHECK(posix_of_error([&] { open.put("no/x", "x"); }) == ENOENT);
  CHECK(posix_of_error([&] { open.put("no/no/x", "x"); }) == ENOENT);
  CHECK(posix_of_error([&] { open.put("a/x", "x"); }) == ENOTDIR);
  CHECK(posix_of_error([&] { open.put("a/no/x", "x"); }) == ENOTDIR);
  CHECK(posix_of_error([&] { open.put("l/x", "x"); }) == ENOENT);  // one that leads nowhere: others are followed before
  CHECK(posix_of_error([&] { open.put(std::string(256, 'n'), "x"); }) == ENAMETOOLONG);
  for (const char* name : {"d/..", "d/.", "/a", "d//a", "d/"}) {
    INFO(name);
    CHECK(posix_of_error([&] { open.put(name, "x"); }) != 0);
  }
  CHECK(posix_of_error([&] { open->create_file("a", 0644, kNow); }) == EEXIST);
  CHECK(posix_of_error([&] { open->create_file("d", 0644, kNow); }) == EEXIST);
  CHECK(posix_of_error([&] { open->create_file("no/x", 0644, kNow); }) == ENOENT);
  CHECK(names_of(open.archive()) == Names{"a", "d", "implied/x", "l"});
  open.put("implied/y", "y");
  open.put(std::string(255, 'n'), "x");
  open->create_file("d/empty", 0600, kNow);
  CHECK(content_of(*open.other(), "d/empty").empty());
}

TEST_CASE("directories are made as mkdir(2) does") {
  const Open open({new_file("a", "x"), new_file("implied/x", "x"), new_link("l", "a")});
  open->make_directory("d", 0750, kNow);
  open->make_directory("d/e", 0700, kNow + 1);
  open->make_directory("implied/d", 0755, kNow);
  CHECK(open.other()->find("d")->permissions == 0750);
  CHECK(open.other()->find("d")->mtime_s > kNow + 1);  // now
  CHECK(posix_of_error([&] { open->make_directory("d", 0755, kNow); }) == EEXIST);
  CHECK(posix_of_error([&] { open->make_directory("implied", 0755, kNow); }) == EEXIST);
  CHECK(posix_of_error([&] { open->make_directory("a", 0755, kNow); }) == EEXIST);
  CHECK(posix_of_error([&] { open->make_directory("l", 0755, kNow); }) == EEXIST);
  CHECK(posix_of_error([&] { open->make_directory("", 0755, kNow); }) == EEXIST);
  CHECK(posix_of_error([&] { open->make_directory("no/d", 0755, kNow); }) == ENOENT);
  CHECK(posix_of_error([&] { open->make_directory("a/d", 0755, kNow); }) == ENOTDIR);
}

TEST_CASE("links are made as symlink(2) does") {
  const Open open({new_file("a", "x"), new_directory("d")});
  CHECK_FALSE(open.archive().may_hold_links());
  open->make_link("d/l", "../a", kNow);
  CHECK(open.other()->link_target("d/l") == "../a");
  CHECK(open.archive().may_hold_links());
  CHECK(open.other()->may_hold_links());
  CHECK(open.archive().resolve("d/l", true) == "a");
  CHECK(posix_of_error([&] { open->make_link("a", "x", kNow); }) == EEXIST);
  CHECK(posix_of_error([&] { open->make_link("e", "", kNow); }) == ENOENT);
  CHECK(posix_of_error([&] { open->make_link("no/l", "x", kNow); }) == ENOENT);
  CHECK(posix_of_error([&] { open->make_link("e", std::string(4096, 't'), kNow); }) == ENAMETOOLONG);
  open->make_link("e", std::string(4095, 't'), kNow);
  CHECK(open.other()->link_target("e") == std::string(4095, 't'));
  open->make_link("utf", "gr\xc3\xbc\xc3\x9f", kNow);
  CHECK(open.other()->link_target("utf") == "gr\xc3\xbc\xc3\x9f");
  CHECK(rows_of(open).find("utf|41471|1700000000|-1") != std::string::npos);
}

TEST_CASE("files and links are removed as unlink(2) does") {
  const Open open({new_file("a", "x"), new_link("l", "a"), new_directory("d"), new_file("implied/x", "x")});
  open->remove_file("l", kNow);
  CHECK(content_of(*open.other(), "a") == "x");
  open->remove_file("a", kNow);
  CHECK(posix_of_error([&] { open->remove_file("a", kNow); }) == ENOENT);
  CHECK(posix_of_error([&] { open->remove_file("no/a", kNow); }) == ENOENT);
  CHECK(posix_of_error([&] { open->remove_file("implied/x/y", kNow); }) == ENOTDIR);
  CHECK(posix_of_error([&] { open->remove_file("d", kNow); }) == EISDIR);
  CHECK(posix_of_error([&] { open->remove_file("implied", kNow); }) == EISDIR);
  // The directory that was only implied stays.
  open->remove_file("implied/x", kNow);
  CHECK(names_of(*open.other()) == Names{"d", "implied"});
  CHECK(open.other()->find("implied")->type == MemberType::kDirectory);
}

TEST_CASE("directories are removed as rmdir(2) does, or with all that is in them") {
  const Open open({new_file("a", "x"), new_directory("d"), new_file("p/q/r/x", "x"), new_file("p/q.txt", "x"),
                   new_file("p/q0", "x"), new_file("dd", "x")});
  open->remove_directory("d", false, kNow);
  CHECK(posix_of_error([&] { open->remove_directory("d", false, kNow); }) == ENOENT);
  CHECK(posix_of_error([&] { open->remove_directory("a", false, kNow); }) == ENOTDIR);
  CHECK(posix_of_error([&] { open->remove_directory("a", true, kNow); }) == ENOTDIR);
  CHECK(posix_of_error([&] { open->remove_directory("p", false, kNow); }) == ENOTEMPTY);
  CHECK(posix_of_error([&] { open->remove_directory("", true, kNow); }) == EBUSY);
  open->remove_directory("p/q", true, kNow);
  CHECK(names_of(*open.other()) == Names{"a", "dd", "p", "p/q.txt", "p/q0"});
  open->remove_directory("p", true, kNow);
  CHECK(names_of(*open.other()) == Names{"a", "dd"});
}

TEST_CASE("files are renamed as rename(2) does") {
  const Open open({new_file("a", "x"), new_file("b", "y"), new_directory("d"), new_file("implied/x", "z")});
  open->rename("a", "d/c", kNow);
  CHECK(content_of(*open.other(), "d/c") == "x");
  CHECK(open.other()->find("d")->mtime_s == kNow);
  CHECK(open.other()->find("d/c")->mtime_s == 1000000000);
  open->rename("d/c", "b", kNow);
  CHECK(content_of(*open.other(), "b") == "x");
  open->rename("b", "b", kNow);
  CHECK(posix_of_error([&] { open->rename("no", "x", kNow); }) == ENOENT);
  CHECK(posix_of_error([&] { open->rename("no", "no", kNow); }) == ENOENT);
  CHECK(posix_of_error([&] { open->rename("b", "no/x", kNow); }) == ENOENT);
  CHECK(posix_of_error([&] { open->rename("b", "b/x", kNow); }) == ENOTDIR);
  CHECK(posix_of_error([&] { open->rename("b", "d", kNow); }) == EISDIR);
  CHECK(posix_of_error([&] { open->rename("b", "implied", kNow); }) == EISDIR);
  CHECK(posix_of_error([&] { open->rename("", "x", kNow); }) == EBUSY);
  CHECK(posix_of_error([&] { open->rename("b", "", kNow); }) == EBUSY);
  open->rename("implied/x", "x", kNow);
  CHECK(names_of(*open.other()) == Names{"b", "d", "implied", "x"});
}

TEST_CASE("directories are renamed as rename(2) does, with all that is in them and nothing else") {
  const Open open({new_file("d/a", "1"), new_file("d/e/b", "2"), new_file("d.txt", "3"), new_file("d0", "4"),
                   new_file("dd/x", "5"), new_directory("empty"), new_file("gr\xc3\xbc\xc3\x9f/\xe2\x82\xac", "6"), new_file("f", "7")});
  CHECK(posix_of_error([&] { open->rename("d", "d/e/x", kNow); }) == EINVAL);
  CHECK(posix_of_error([&] { open->rename("d", "f", kNow); }) == ENOTDIR);
  CHECK(posix_of_error([&] { open->rename("d", "dd", kNow); }) == ENOTEMPTY);
  CHECK(posix_of_error([&] { open->rename("d/e", "d", kNow); }) == ENOTEMPTY);
  CHECK(posix_of_error([&] { open->rename("d", "no/x", kNow); }) == ENOENT);
  open->rename("d", "empty", kNow);
  CHECK(names_of(*open.other()) == Names{"d.txt", "d0", "dd/x", "empty", "empty/a", "empty/e/b", "f", "gr\xc3\xbc\xc3\x9f/\xe2\x82\xac"});
  open->rename("gr\xc3\xbc\xc3\x9f", "dd/\xe2\x82\xac", kNow);
  CHECK(content_of(*open.other(), "dd/\xe2\x82\xac/\xe2\x82\xac") == "6");
  open->rename("empty/e", "e", kNow);
  CHECK(content_of(*open.other(), "e/b") == "2");
  open->rename("e", "ee", kNow);
  CHECK(content_of(*open.other(), "ee/b") == "2");
  CHECK_FALSE(open.other()->find("e"));
}

TEST_CASE("times and permissions are set, on implied directories too") {
  const Open open({new_file("a", "x"), new_file("implied/deep/x", "x"), new_link("l", "a")});
  open->set_mtime("a", 5);
  open->set_permissions("a", 04711);
  open->set_mtime("implied/deep", 6);
  open->set_permissions("implied", 0700);
  open->set_mtime("l", 7);
  const auto other = open.other();
  CHECK(other->find("a")->mtime_s == 5);
  CHECK(other->find("a")->permissions == 04711);
  CHECK(other->find("implied/deep")->mtime_s == 6);
  CHECK(other->find("implied")->permissions == 0700);
  CHECK(other->find("l")->mtime_s == 7);
  CHECK(other->find("l")->type == MemberType::kLink);
  CHECK(posix_of_error([&] { open->set_mtime("no", 1); }) == ENOENT);
  CHECK(posix_of_error([&] { open->set_permissions("no", 1); }) == ENOENT);
}

TEST_CASE("members are copied as they lie, with time and permissions") {
  const Open open({new_file("a", text(50'000), 0711), new_link("l", "a"), new_directory("d"), new_file("implied/x", "x")});
  open->copy_member("a", "d/b");
  const auto other = open.other();
  CHECK((content_of(*other, "d/b") == text(50'000)));
  CHECK(other->find("d/b")->permissions == 0711);
  CHECK(other->find("d/b")->mtime_s == 1000000000);
  CHECK(other->find("d/b")->stored_bytes == other->find("a")->stored_bytes);
  open->copy_member("l", "l2");
  CHECK(open.other()->link_target("l2") == "a");
  CHECK(posix_of_error([&] { open->copy_member("a", "l"); }) == EEXIST);
  CHECK(posix_of_error([&] { open->copy_member("no", "x"); }) == ENOENT);
  CHECK(posix_of_error([&] { open->copy_member("d", "x"); }) == EISDIR);
  CHECK(posix_of_error([&] { open->copy_member("implied", "x"); }) == EISDIR);
  CHECK(posix_of_error([&] { open->copy_member("a", "no/x"); }) == ENOENT);
}

TEST_CASE("an archive that was made of a directory keeps its names' beginning") {
  const Scratch scratch;
  run(scratch.path(), "mkdir t t/d && echo x >t/d/a && cd t && sqlite3 ../a.db '.ar -c .'");
  const Open open(read_host_file(scratch / "a.db"));
  open.put("b", "y");
  open->make_directory("e", 0755, kNow);
  open->rename("d", "e/d", kNow);
  open->rename("e/d/a", "a", kNow);
  open->set_mtime("", 99);
  CHECK(open.archive().find("")->mtime_s == 99);
  CHECK(rows_of(open).substr(0, 2) == ".|");
  CHECK(run(open.scratch().path(), "sqlite3 a.kit 'SELECT name FROM sqlar ORDER BY name'") ==
        ".\n./a\n./b\n./e\n./e/d\n");
  open->remove_directory("e", true, kNow);
  open->remove_file("a", kNow);
  CHECK(names_of(*open.other()) == Names{"b"});
}

TEST_CASE("what was recorded about packages and links stays as long as it is true") {
  const auto make = [] {
    const Scratch scratch;
    NewArchive archive;
    archive.members = {new_directory("lib"), new_directory("lib/p"), new_file("lib/p/pkgIndex.tcl", "#"), new_file("a", "x")};
    archive.packages = {{"p", "1.0", "lib/p", ""}};
    write_archive(scratch / "out", archive);
    return read_host_file(scratch / "out");
  };
  const auto facts = [](Archive& archive) {
    return std::string(archive.recorded(kFactPackages) ? "packages " : "") + (archive.may_hold_links() ? "links" : "");
  };
  const Open open(make());
  REQUIRE(facts(open.archive()) == "packages ");
  SECTION("kept by a file, a directory, a removal, times") {
    open.put("b", "y");
    open->make_directory("d", 0755, kNow);
    open->remove_file("a", kNow);
    open->rename("b", "c", kNow);
    open->set_mtime("c", 5);
    CHECK(facts(open.archive()) == "packages ");
    CHECK(facts(*open.other()) == "packages ");
  }
  SECTION("links go by a link, and packages too: it may be another way to one") {
    open->make_link("l", "a", kNow);
    CHECK(facts(open.archive()) == "links");
    CHECK(facts(*open.other()) == "links");
  }
  SECTION("packages go by an index that is made") {
    open->make_directory("lib/q", 0755, kNow);
    open.put("lib/q/pkgIndex.tcl", "#");
    CHECK(facts(*open.other()).empty());
  }
  SECTION("packages go by a module that is made, renamed, or removed") {
    open.put("lib/q-1.0.tm", "#");
    CHECK(facts(*open.other()).empty());
  }
  SECTION("packages go by an index that is renamed") {
    open->rename("lib/p/pkgIndex.tcl", "x", kNow);
    CHECK(facts(*open.other()).empty());
  }
  SECTION("packages go by a directory that is renamed or removed") {
    open->rename("lib/p", "lib/q", kNow);
    CHECK(facts(*open.other()).empty());
  }
  SECTION("packages go by a directory that is removed") {
    open->remove_directory("lib", true, kNow);
    CHECK(facts(*open.other()).empty());
  }
  SECTION("nothing goes by a change that is undone") {
    {
      Transaction transaction(open.archive());
      open->make_link("l", "a", kNow);
      open->remove_directory("lib", true, kNow);
      CHECK(facts(open.archive()) == "links");
    }
    CHECK(facts(open.archive()) == "packages ");
    open.put("b", "y");
    CHECK(facts(*open.other()) == "packages ");
  }
  SECTION("all go by a change of somebody who knows nothing of them") {
    run(open.scratch().path(), "echo y >b && sqlite3 a.kit '.ar -i b'");
    CHECK(facts(open.archive()) == "links");
    open.put("c", "z");
    CHECK(facts(open.archive()) == "links");
  }
}

TEST_CASE("a change that fails leaves nothing, not even of a large content") {
  const Open open({new_file("a", "x"), new_directory("d")});
  const std::string large = noise((16 << 20) + 1);
  CHECK(posix_of_error([&] { open.put("no/x", large); }) == ENOENT);
  CHECK(posix_of_error([&] { open.put("d", large); }) == EISDIR);
  open.put("large", large);
  const std::string pieces = "sqlite3 --append a.kit 'SELECT count(*) FROM starlit_chunk WHERE id % 16777216 <> 16777215'";
  CHECK(run(open.scratch().path(), pieces) == "65\n");
  CHECK(posix_of_error([&] { open->copy_member("large", "a"); }) == EEXIST);
  CHECK(run(open.scratch().path(), pieces) == "65\n");
}

TEST_CASE("a disk that is full is ENOSPC, the archive is as before, and works again") {
  const Open open({new_file("a", "x")});
  for (const std::size_t size : {std::size_t{1} << 20, std::size_t{6} << 20, std::size_t{17} << 20}) {
    INFO(size);
    const std::string content = noise(size);
    WorkingFile file(nullptr, [&] { return open_file(open.scratch().path(), O_TMPFILE | O_RDWR, 0600); });
    file.write(0, as_bytes(content));
    {
      const FullDisk full(500'000);
      const int posix = posix_of_error([&] { open->put_file("big", 0644, kNow, file); });
      CHECK((posix == ENOSPC || posix == EFBIG));
    }
    CHECK(names_of(*open.other()) == Names{"a"});
    open.put("b", "y");
    open->remove_file("b", kNow);
  }
  CHECK(run(open.scratch().path(), "sqlite3 --append a.kit 'PRAGMA integrity_check'") == "ok\n");
}

TEST_CASE("a transaction whose middle has failed at SQLite cannot be committed") {
  const Open open({new_file("a", "x")});
  Transaction transaction(open.archive());
  open.put("b", "y");
  execute(open.archive().database(), "ROLLBACK", "a.kit");
  CHECK(error_of([&] { open.put("c", "z"); }).code() == "UNDONE");
  CHECK(error_of([&] { transaction.commit(); }).code() == "UNDONE");
  CHECK(names_of(open.archive()) == Names{"a"});
}
