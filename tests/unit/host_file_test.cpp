// SPDX-License-Identifier: MIT

#include "host_file.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "support.h"

using namespace starlit;

TEST_CASE("a file of the host is opened by its directory, wherever the path leads later") {
  const Scratch scratch;
  REQUIRE(::mkdir((scratch / "d").c_str(), 0755) == 0);
  write_host_file(scratch / "d/a", "content");
  const HostFile file(scratch / "d/a");
  CHECK(file.path() == scratch / "d/a");
  REQUIRE(::rename((scratch / "d").c_str(), (scratch / "e").c_str()) == 0);
  CHECK(read_all(file.open(Access::kRead), "a") == "content");
  const Fd writable = file.open(Access::kWrite);
  CHECK(::pwrite(writable.get(), "C", 1, 0) == 1);
  CHECK(read_host_file(scratch / "e/a") == "Content");
}

TEST_CASE("a file that was replaced is not opened in place of the first") {
  const Scratch scratch;
  write_host_file(scratch / "a", "first");
  const HostFile file(scratch / "a");
  write_host_file(scratch / "b", "second");
  REQUIRE(::rename((scratch / "b").c_str(), (scratch / "a").c_str()) == 0);
  const Error error = error_of([&] { file.open(Access::kRead); });
  CHECK(error.posix() == ESTALE);
  CHECK(error.code() == "REPLACED");
  CHECK(read_all(file.open_current(), "a") == "second");
  REQUIRE(::unlink((scratch / "a").c_str()) == 0);
  CHECK(error_of([&] { file.open(Access::kRead); }).posix() == ENOENT);
  REQUIRE(::symlink("/etc/passwd", (scratch / "a").c_str()) == 0);
  CHECK(error_of([&] { file.open(Access::kRead); }).posix() == ELOOP);
}

TEST_CASE("what is no regular file is refused, and a FIFO does not block") {
  const Scratch scratch;
  CHECK(error_of([&] { HostFile(scratch / "no"); }).posix() == ENOENT);
  CHECK(error_of([&] { HostFile(scratch.path()); }).posix() == EISDIR);
  CHECK(error_of([&] { HostFile("/"); }).posix() == EISDIR);
  CHECK(error_of([&] { HostFile("/dev/null"); }).code() == "NOTFILE");
  REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
  CHECK(error_of([&] { HostFile(scratch / "fifo"); }).code() == "NOTFILE");
}

TEST_CASE("a file beside takes the name of the file, or is gone") {
  const Scratch scratch;
  write_host_file(scratch / "a", "first");
  const HostFile file(scratch / "a");
  {
    const HostFile::Beside beside(file);
    write_all(beside.fd(), "never", "a");
    CHECK(host_names(scratch.path()).size() == 2);
  }
  CHECK(host_names(scratch.path()) == Names{"a"});
  CHECK(read_host_file(scratch / "a") == "first");
  {
    HostFile::Beside beside(file);
    write_all(beside.fd(), "second", "a");
    const Fd now = beside.take_place(06711);
    CHECK(read_all(now, "a") == "second");
    CHECK(stat_fd(now, "a").st_nlink == 1);
  }
  CHECK(host_names(scratch.path()) == Names{"a"});
  CHECK(read_host_file(scratch / "a") == "second");
  CHECK((stat_fd(open_regular(scratch / "a"), "a").st_mode & 07777) == 06711);
}

TEST_CASE("what is left of files beside is removed, and nothing else") {
  const Scratch scratch;
  write_host_file(scratch / "a", "x");
  const HostFile file(scratch / "a");
  write_host_file(scratch / ".a.new-0123abcd", "left");
  write_host_file(scratch / ".a.new-fedc9876", "left");
  REQUIRE(::mkdir((scratch / ".a.new-00000000").c_str(), 0755) == 0);
  const Names others = {".a.new", ".a.new-", ".a.new-00000000", ".a.new-0123abc", ".a.new-0123abcde", ".a.new-0123abcx",
                        ".a.new-0123abcd.txt", ".b.new-0123abcd", "a", "a.new-0123abcd"};
  for (const std::string& name : others) {
    if (name != "a" && name != ".a.new-00000000") write_host_file(scratch / name, "mine");
  }
  file.remove_leftovers();
  Names sorted = others;
  std::sort(sorted.begin(), sorted.end());
  CHECK(host_names(scratch.path()) == sorted);
}

TEST_CASE("a file with the longest name has room for one beside it") {
  const Scratch scratch;
  const std::string path = scratch / std::string(255, 'n');
  write_host_file(path, "first");
  const HostFile file(path);
  const HostFile::Beside beside(file);
  CHECK(beside.fd());
}

TEST_CASE("a journal has the permissions of its file, and only a regular one is opened") {
  const Scratch scratch;
  write_host_file(scratch / "a", "x");
  REQUIRE(::chmod((scratch / "a").c_str(), 0660) == 0);
  const HostFile file(scratch / "a");
  CHECK_FALSE(file.has_journal());
  CHECK(file.open_journal(O_RDWR) == -1);
  CHECK(errno == ENOENT);
  {
    const Fd journal(file.open_journal(O_RDWR | O_CREAT));
    REQUIRE(journal);
    CHECK((stat_fd(journal, "").st_mode & 0777) == 0660);
    CHECK_FALSE(file.has_journal());  // an empty one is none
    write_all(journal, "x", "");
    CHECK(file.has_journal());
  }
  CHECK(file.remove_journal() == 0);
  CHECK(file.remove_journal() == -1);
  CHECK(errno == ENOENT);
  REQUIRE(::mkfifo((scratch / "a-journal").c_str(), 0600) == 0);
  CHECK(file.open_journal(O_RDWR | O_CREAT) == -1);
  CHECK_FALSE(file.has_journal());
}

TEST_CASE("what has the journal's name and can be none is told before anything is written") {
  const Scratch scratch;
  const std::string journal = scratch / "a-journal";
  write_host_file(scratch / "a", "x");
  const HostFile file(scratch / "a");
  const auto told = [&] {
    const Error error = error_of([&] { file.check_directory(); });
    CHECK(error.code() == "JOURNAL");
    return error.text().substr(error.text().find("-journal"));
  };
  REQUIRE(::mkfifo(journal.c_str(), 0600) == 0);
  CHECK(told() == "-journal, is not a file (hint: move it away)");
  REQUIRE(::unlink(journal.c_str()) == 0);
  REQUIRE(::symlink("nowhere", journal.c_str()) == 0);
  CHECK(told() == "-journal, is not a file (hint: move it away)");
  REQUIRE(::unlink(journal.c_str()) == 0);
  REQUIRE(::mkdir(journal.c_str(), 0700) == 0);
  CHECK(told() == "-journal, is not a file (hint: move it away)");
  REQUIRE(::rmdir(journal.c_str()) == 0);
  write_host_file(journal, "x");
  file.check_directory();
  REQUIRE(::link(journal.c_str(), (scratch / "other").c_str()) == 0);
  CHECK(told() == "-journal, is a hard link (hint: remove its other name, or it where it is not the archive's)");
}

TEST_CASE("a temporary file has no name") {
  const Scratch scratch;
  write_host_file(scratch / "a", "x");
  const HostFile file(scratch / "a");
  const Fd temporary = file.open_temporary();
  write_all(temporary, "content", "");
  CHECK(host_names(scratch.path()) == Names{"a"});
  CHECK(stat_fd(temporary, "").st_nlink == 0);
}

namespace {

// From now on a system call of this process fails with EIO and does nothing.
bool forbid(unsigned call) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {std::size(program), program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

TEST_CASE("a directory that may not be listed is synced by its file system") {
  const Scratch scratch;
  REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0);
  const std::string directory = scratch / "d";
  REQUIRE(::mkdir(directory.c_str(), 0755) == 0);
  write_host_file(directory + "/a", "x");
  REQUIRE(::chmod((directory + "/a").c_str(), 0644) == 0);
  REQUIRE(::chmod(directory.c_str(), 0333) == 0);
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(10);
    if (::open(directory.c_str(), O_RDONLY) != -1) ::_exit(11);
    try {
      const HostFile file(directory + "/a");
      if (file.sync_directory() != 0) ::_exit(12);
      if (!forbid(SYS_syncfs)) ::_exit(13);
      ::_exit(file.sync_directory() == -1 && errno == EIO ? 0 : 14);
    } catch (...) {
      ::_exit(15);
    }
  }
  int status;
  REQUIRE(::waitpid(process, &status, 0) == process);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  REQUIRE(::chmod(directory.c_str(), 0755) == 0);
}
