// SPDX-License-Identifier: MIT

#include "starpack.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive/editor.h"
#include "fake_elf.h"
#include "host_calls.h"
#include "host_file.h"
#include "support.h"

using namespace starlit;

namespace {

class App {
 public:
  explicit App(std::vector<NewMember> members = {new_file("a", "old")}) {
    write_host_file(scratch_ / "elf", fake_elf({Note::kBuildId, Note::kOther}, 5000));
    NewArchive archive;
    archive.program_path = scratch_ / "elf";
    archive.members = std::move(members);
    write_archive(path(), archive);
    REQUIRE(::unlink((scratch_ / "elf").c_str()) == 0);
  }
  std::string path() const { return scratch_ / "app"; }
  const Scratch& scratch() const { return scratch_; }
  std::shared_ptr<Archive> open() const { return Archive::open_file(path(), Access::kWrite); }
  struct stat status() const { return stat_fd(open_regular(path()), path()); }

 private:
  Scratch scratch_;
};

void put(const std::shared_ptr<Archive>& archive, std::string_view name, std::string_view content) {
  WorkingFile file(nullptr, [&] { return archive->host()->open_temporary(); });
  file.write(0, as_bytes(content));
  Editor(archive).put_file(name, 0644, 1, file);
}

class Broken : public HostWatch {
 public:
  explicit Broken(HostCall call) : call_(call) {}
  int before(HostCall call, int) override { return call == call_ ? EIO : 0; }

 private:
  HostCall call_;
};

}  // namespace

TEST_CASE("an executable that is changed is a new one, in one step, with the old one's mode and program") {
  const App app;
  REQUIRE(::chmod(app.path().c_str(), 06711) == 0);
  const struct stat before = app.status();
  const std::string old = read_host_file(app.path());
  const Fd running = open_regular(app.path());
  const auto archive = app.open();
  put(archive, "b", noise(100'000));
  const struct stat after = app.status();
  CHECK(after.st_ino != before.st_ino);
  CHECK((after.st_mode & 07777) == 06711);
  CHECK((read_all(running, "") == old));
  const std::string now = read_host_file(app.path());
  CHECK((content_of(*Archive::open_file(app.path()), "b") == noise(100'000)));
  const Location location = locate_archive(open_regular(app.path()), "app");
  const auto prefix = static_cast<std::size_t>(location.offset);
  CHECK(location.has_mark);
  // Only the program header of the archive differs.
  const Elf64_Phdr header = program_header(now, 2);
  CHECK(header.p_type == PT_LOAD);
  CHECK(header.p_offset == prefix);
  CHECK(header.p_filesz == now.size() - prefix);
  CHECK((now.substr(200 + sizeof header, prefix - 200 - sizeof header) == old.substr(200 + sizeof header, prefix - 200 - sizeof header)));
  CHECK(host_names(app.scratch().path()) == Names{"app"});
}

TEST_CASE("the owner of an executable stays its owner") {
  if (::geteuid() != 0) {
    WARN("not run: this needs root, to give a file away");
    return;
  }
  const App app;
  REQUIRE(::chown(app.path().c_str(), 65534, 65533) == 0);
  put(app.open(), "b", "x");
  CHECK(app.status().st_uid == 65534);
  CHECK(app.status().st_gid == 65533);
}

TEST_CASE("two who change one executable lose nothing of one another") {
  const App app;
  const auto one = app.open(), other = app.open();
  put(one, "b", "1");
  put(other, "c", "2");
  put(one, "d", "3");
  CHECK(names_of(*Archive::open_file(app.path())) == Names{"a", "b", "c", "d"});
  CHECK(names_of(*one) == Names{"a", "b", "c", "d"});
  CHECK(names_of(*other) == Names{"a", "b", "c"});
  other->renew();
  CHECK(names_of(*other) == Names{"a", "b", "c", "d"});
}

TEST_CASE("what is in view of an executable stays, whatever others make of it") {
  const std::string old = noise(300'000);
  const App app({new_file("a", old)});
  const auto one = app.open(), other = app.open();
  {
    const Archive::Snapshot view(*one);
    CHECK(one->find("a")->size_bytes == 300'000);
    put(other, "a", std::string(old.rbegin(), old.rend()));
    one->renew();
    CHECK((content_of(*one, "a") == old));
  }
  one->renew();
  CHECK((content_of(*one, "a") == std::string(old.rbegin(), old.rend())));
}

TEST_CASE("a transaction makes one new executable, one that is undone or changes nothing makes none") {
  const App app;
  const auto archive = app.open();
  const ino_t before = app.status().st_ino;
  {
    Transaction transaction(*archive);
    put(archive, "b", "1");
    CHECK(app.status().st_ino == before);
  }
  CHECK(app.status().st_ino == before);
  CHECK(names_of(*archive) == Names{"a"});
  {
    Transaction transaction(*archive);
    transaction.commit();
  }
  CHECK(app.status().st_ino == before);
  {
    Transaction transaction(*archive);
    put(archive, "b", "1");
    put(archive, "c", "2");
    transaction.commit();
  }
  CHECK(app.status().st_ino != before);
  CHECK(names_of(*Archive::open_file(app.path())) == Names{"a", "b", "c"});
}

TEST_CASE("a large file makes one new executable") {
  const App app;
  const auto archive = app.open();
  class Renames : public HostWatch {
   public:
    void renamed(int, const char*, const char*) override { ++count; }
    int count = 0;
  } renames;
  const std::string large = noise((std::size_t{16} << 20) + 5);
  put(archive, "large", large);
  CHECK(renames.count == 1);
  CHECK((content_of(*Archive::open_file(app.path()), "large") == large));
}

TEST_CASE("an executable that could not be made leaves the old one, and its change is not in the next one") {
  const App app;
  const auto archive = app.open();
  for (const HostCall call : {HostCall::kWrite, HostCall::kRename, HostCall::kMode, HostCall::kCopy}) {
    INFO(name_of(call));
    const std::string before = read_host_file(app.path());
    {
      const Broken broken(call);
      CHECK(error_of([&] { put(archive, "lost", "x"); }).posix() == EIO);
    }
    CHECK((read_host_file(app.path()) == before));
    put(archive, "kept", "y");
    CHECK(names_of(*archive) == Names{"a", "kept"});
    CHECK(names_of(*Archive::open_file(app.path())) == Names{"a", "kept"});
    CHECK(host_names(app.scratch().path()) == Names{"app"});
  }
}

namespace {

// Looks at what lies beside an executable at the moment before it is put in place.
class BeforeRename : public HostWatch {
 public:
  explicit BeforeRename(const std::string& directory) : directory_(directory) {}
  int before(HostCall call, int) override {
    if (call == HostCall::kSync && modes.empty()) look();
    return 0;
  }
  std::vector<mode_t> modes;

 private:
  void look() {
    for (const std::string& name : host_names(directory_)) {
      struct stat status;
      REQUIRE(::stat((directory_ + "/" + name).c_str(), &status) == 0);
      if (name != "app") modes.push_back(status.st_mode & 07777);
    }
  }
  std::string directory_;
};

}  // namespace

TEST_CASE("what a killed writer has left beside an executable goes with the next change; it has no set-id bits") {
  const App app;
  REQUIRE(::chmod(app.path().c_str(), 06755) == 0);
  const auto archive = app.open();
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    // Killed when all is written.
    class Killed : public HostWatch {
      int before(HostCall call, int) override { return call == HostCall::kRename ? ::raise(SIGKILL) : 0; }
    } killed;
    put(app.open(), "b", "x");
    ::_exit(0);
  }
  int status;
  REQUIRE(::waitpid(process, &status, 0) == process);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(host_names(app.scratch().path()).size() == 2);
  {
    BeforeRename watch(app.scratch().path());
    put(archive, "c", "y");
    CHECK(watch.modes == std::vector<mode_t>{0755});
  }
  CHECK(host_names(app.scratch().path()) == Names{"app"});
  CHECK((app.status().st_mode & 07777) == 06755);
  CHECK(names_of(*Archive::open_file(app.path())) == Names{"a", "c"});
}

TEST_CASE("who holds an executable's lock keeps others from changing it, for a stated time") {
  const App app;
  const auto one = app.open(), other = app.open();
  {
    const Transaction transaction(*one);
    const Error error = error_of([&] { put(other, "b", "x"); });
    CHECK(error.posix() == EAGAIN);
    CHECK(error.code() == "BUSY");
    CHECK(error.text() == "couldn't write \"" + app.path() + "\": another process or thread is using the archive");
  }
  put(other, "b", "x");
}

TEST_CASE("a change that could not begin keeps no lock") {
  const App app;
  const auto one = app.open(), other = app.open();
  put(other, "b", "x");
  {
    // Bringing the copy up to date fails.
    const Broken broken(HostCall::kTruncate);
    CHECK(error_of([&] { put(one, "c", "y"); }).posix() == EIO);
  }
  put(other, "d", "z");
  put(one, "c", "y");
  CHECK(names_of(*Archive::open_file(app.path())) == Names{"a", "b", "c", "d"});
}

TEST_CASE("what the sqlite3 shell was stopped in is undone before an executable is changed") {
  const App app;
  const Scratch scratch;
  // Pages go to the file before the end, and the shell is killed there.
  run(app.scratch().path(),
      "sqlite3 --append app \"PRAGMA cache_size=2; PRAGMA cache_spill=2; BEGIN; INSERT INTO sqlar VALUES('torn', 33188, 1, 400000, "
      "zeroblob(400000)); UPDATE sqlar SET mtime = 99;\" \".shell kill -9 \\$PPID\" >/dev/null 2>&1 || true");
  INFO(run(app.scratch().path(), "ls -la"));
  REQUIRE(::access((app.path() + "-journal").c_str(), F_OK) == 0);
  put(app.open(), "b", "x");
  CHECK(names_of(*Archive::open_file(app.path())) == Names{"a", "b"});
  CHECK(Archive::open_file(app.path())->find("a")->mtime_s == 1000000000);
}

TEST_CASE("an executable that the sqlite3 shell has changed in place is read anew") {
  const App app;
  const auto archive = app.open();
  put(archive, "b", "1");
  const ino_t inode = app.status().st_ino;
  const auto insert = [&](const std::string& name) {
    run(app.scratch().path(), "sqlite3 --append app \"INSERT INTO sqlar VALUES('" + name + "', 33188, 1, 1, 'x')\"");
  };
  insert("theirs");
  REQUIRE(app.status().st_ino == inode);
  archive->renew();
  CHECK(names_of(*archive) == Names{"a", "b", "theirs"});
  insert("theirs2");
  put(archive, "c", "2");
  CHECK(names_of(*archive) == Names{"a", "b", "c", "theirs", "theirs2"});
  CHECK(names_of(*Archive::open_file(app.path())) == Names{"a", "b", "c", "theirs", "theirs2"});
}
