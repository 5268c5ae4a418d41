// SPDX-License-Identifier: MIT
//
// Who may do what: permissions in the archive, of its file and of its directory. Each is tried as root or the owner,
// where it works, and as another user, where it does not.

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "archive/session.h"
#include "support.h"

using namespace starlit;

namespace {

constexpr uid_t kOther = 65534;  // nobody

// The errno of the Error that `body` throws in a process of another user; 0 where it throws none.
int as_other(const std::function<void()>& body) {
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    int result = 255;
    try {
      if (::setgid(kOther) == 0 && ::setuid(kOther) == 0) {
        body();
        result = 0;
      }
    } catch (const Error& error) {
      result = error.posix();
    } catch (...) {
      result = 254;
    }
    ::_exit(result);
  }
  int status;
  REQUIRE(::waitpid(process, &status, 0) == process);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) < 254);
  return WEXITSTATUS(status);
}

// Only root can become another user. Where the tests run as somebody else, that user is "another" to nobody: said aloud.
bool can_change_user() {
  if (::geteuid() == 0) return true;
  WARN("not run: this needs root, to become another user");
  return false;
}

// A kit that everybody may write, in a directory where everybody may make files.
class Shared {
 public:
  explicit Shared(std::vector<NewMember> members) {
    REQUIRE(::chmod(scratch_.path().c_str(), 0777) == 0);
    write_host_file(path(), kit_bytes(std::move(members)));
    REQUIRE(::chmod(path().c_str(), 0666) == 0);
  }
  std::string path() const { return scratch_ / "a.kit"; }
  std::string directory() const { return scratch_.path(); }
  std::shared_ptr<Session> session() const {
    return std::make_shared<Session>(Archive::open_file(path(), Access::kWrite));
  }

 private:
  Scratch scratch_;
};

}  // namespace

TEST_CASE("root may do what the permissions of members forbid, another user may not") {
  const Shared kit({new_file("closed", "x", 0000), new_file("readable", "x", 0444), new_file("writable", "x", 0222),
                    new_directory("fixed", 0555), new_file("fixed/a", "x")});
  const auto opens = [&](std::string_view name, int flags) {
    return [&kit, name, flags] { kit.session()->open(name, flags, 0644); };
  };
  for (const char* name : {"closed", "readable", "writable"}) kit.session()->open(name, O_RDWR, 0);
  kit.session()->make_directory("fixed/by-root", 0755);
  if (!can_change_user()) return;
  CHECK(as_other(opens("closed", O_RDONLY)) == EACCES);
  CHECK(as_other(opens("closed", O_WRONLY)) == EACCES);
  CHECK(as_other(opens("readable", O_RDONLY)) == 0);
  CHECK(as_other(opens("readable", O_WRONLY)) == EACCES);
  CHECK(as_other(opens("readable", O_RDWR)) == EACCES);
  CHECK(as_other(opens("writable", O_WRONLY)) == 0);
  CHECK(as_other(opens("writable", O_RDONLY)) == EACCES);
  CHECK(as_other(opens("fixed/new", O_WRONLY | O_CREAT)) == EACCES);
  CHECK(as_other([&] { kit.session()->remove_file("fixed/a"); }) == EACCES);
  CHECK(as_other([&] { kit.session()->make_directory("fixed/d", 0755); }) == EACCES);
  CHECK(as_other([&] { kit.session()->make_link("fixed/l", "a"); }) == EACCES);
  CHECK(as_other([&] { kit.session()->rename("fixed/a", "a"); }) == EACCES);
  CHECK(as_other([&] { kit.session()->rename("readable", "fixed/r"); }) == EACCES);
  CHECK(as_other([&] { kit.session()->copy_file("closed", "copy"); }) == EACCES);
  CHECK(as_other([&] { kit.session()->make_directory("allowed", 0755); }) == 0);
  CHECK(kit.session()->find("allowed"));
}

TEST_CASE("a kit is not opened for writing where its file or its directory may not be written, and says why") {
  const Shared kit({new_file("a", "x")});
  if (!can_change_user()) return;
  const auto writes = [&] { kit.session()->make_directory("d", 0755); };
  const auto reads = [&] { Archive::open_file(kit.path())->find("a"); };
  REQUIRE(::chmod(kit.path().c_str(), 0644) == 0);
  CHECK(as_other(writes) == EACCES);
  CHECK(as_other(reads) == 0);
  REQUIRE(::chmod(kit.path().c_str(), 0600) == 0);
  CHECK(as_other(reads) == EACCES);
  REQUIRE(::chmod(kit.path().c_str(), 0666) == 0);
  REQUIRE(::chmod(kit.directory().c_str(), 0755) == 0);
  CHECK(as_other(writes) == EACCES);
  CHECK(as_other(reads) == 0);
  REQUIRE(::chmod(kit.directory().c_str(), 0777) == 0);
  CHECK(as_other(writes) == 0);
}

TEST_CASE("whoever may change a kit can undo what another user was stopped in") {
  const Shared kit({new_file("a", "x")});
  if (!can_change_user()) return;
  // Another user begins, and is gone in the middle of it: the journal stays.
  CHECK(as_other([&] {
          const auto session = kit.session();
          execute(session->archive().database(), "PRAGMA cache_size=2", "");
          Transaction transaction(session->archive());
          WorkingFile content(nullptr, [] { return Fd(); });
          content.write(0, as_bytes(noise(200'000)));
          session->put_file("a", 0644, 1, content);
          struct stat status;
          if (::stat((kit.path() + "-journal").c_str(), &status) != 0) throw Error(ENOENT, "", "no journal");
          if ((status.st_mode & 0777) != 0666) throw Error(EPERM, "", "the journal cannot be used by all");
          ::_exit(0);
        }) == 0);
  REQUIRE(::chown(kit.path().c_str(), 0, 0) == 0);
  CHECK(content_of(kit.session()->archive(), "a") == "x");
  // And the other way: root's journal, undone by another user.
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    const auto session = kit.session();
    execute(session->archive().database(), "PRAGMA cache_size=2", "");
    Transaction transaction(session->archive());
    WorkingFile content(nullptr, [] { return Fd(); });
    content.write(0, as_bytes(noise(200'000)));
    session->put_file("a", 0644, 1, content);
    ::_exit(0);
  }
  int status;
  REQUIRE(::waitpid(process, &status, 0) == process);
  CHECK(as_other([&] {
          if (content_of(kit.session()->archive(), "a") != "x") throw Error(EIO, "", "torn");
        }) == 0);
}
