// SPDX-License-Identifier: MIT

#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "support.h"

using namespace starlit;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat status;
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode;
}

class Umask {
 public:
  explicit Umask(mode_t mask) : old_(::umask(mask)) {}
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;
  ~Umask() { ::umask(old_); }

 private:
  mode_t old_;
};

}  // namespace

TEST_CASE("an output file appears whole when it is committed") {
  const Scratch scratch;
  OutputFile output(scratch / "out");
  write_all(output.fd(), "new", output.path());
  CHECK(host_names(scratch.path()).size() == 1);
  CHECK_FALSE(host_names(scratch.path()) == Names{"out"});
  output.commit(0644);
  CHECK(host_names(scratch.path()) == Names{"out"});
  CHECK(read_host_file(scratch / "out") == "new");
}

TEST_CASE("an output file that is not committed leaves nothing") {
  const Scratch scratch;
  { const OutputFile output(scratch / "out"); }
  CHECK(host_names(scratch.path()).empty());
}

TEST_CASE("an output file that is not committed leaves the old one as it was") {
  const Scratch scratch;
  write_host_file(scratch / "out", "old");
  {
    const OutputFile output(scratch / "out");
    write_all(output.fd(), "half of the new", output.path());
    CHECK(read_host_file(scratch / "out") == "old");
  }
  CHECK(host_names(scratch.path()) == Names{"out"});
  CHECK(read_host_file(scratch / "out") == "old");
}

TEST_CASE("an output file does not take the place of a link like /dev/stdout") {
  const Scratch scratch;
  write_host_file(scratch / "open", "as it was");
  const Fd open = open_file(scratch / "open", O_RDWR);
  const std::string descriptor = "/proc/self/fd/" + std::to_string(open.get());
  REQUIRE(::symlink(descriptor.c_str(), (scratch / "stdout").c_str()) == 0);
  REQUIRE(::symlink("stdout", (scratch / "further").c_str()) == 0);
  for (const char* name : {"stdout", "further"}) {
    const std::string path = scratch / name;
    const Error error = error_of([&] { OutputFile output(path); });
    CHECK(error.text() == "couldn't write \"" + path + "\": it is a link to an open file");
  }
  CHECK(host_names(scratch.path()) == Names{"further", "open", "stdout"});
}

TEST_CASE("an output file replaces a link and not what the link names") {
  const Scratch scratch;
  write_host_file(scratch / "real", "old");
  REQUIRE(::symlink("real", (scratch / "out").c_str()) == 0);
  OutputFile output(scratch / "out");
  write_all(output.fd(), "new", output.path());
  output.commit(0644);
  CHECK(S_ISREG(mode_of(scratch / "out")));
  CHECK(read_host_file(scratch / "real") == "old");
}

TEST_CASE("an output file has the permissions given, less the umask") {
  const Scratch scratch;
  struct Row {
    mode_t umask, given, got;
  };
  for (const Row& row : {Row{022, 0755, 0755}, Row{027, 0777, 0750}, Row{0, 0666, 0666}, Row{077, 0644, 0600}}) {
    const Umask umask(row.umask);
    OutputFile output(scratch / "out");
    CHECK((mode_of(output.temporary_path()) & 07777) == 0600);
    output.commit(row.given);
    CHECK((mode_of(scratch / "out") & 07777) == row.got);
    CHECK(::umask(row.umask) == row.umask);
  }
}

TEST_CASE("an output file may have the longest name a file can have") {
  const Scratch scratch;
  const std::string name(255, 'n');
  OutputFile output(scratch / name);
  output.commit(0644);
  CHECK(host_names(scratch.path()) == Names{name});
  const Error error = error_of([&] { OutputFile(scratch / (name + "n")).commit(0644); });
  CHECK(error.posix() == ENAMETOOLONG);
  CHECK(host_names(scratch.path()) == Names{name});
}

TEST_CASE("an output file is not written over a directory") {
  const Scratch scratch;
  REQUIRE(::mkdir((scratch / "out").c_str(), 0755) == 0);
  const Error error = error_of([&] { OutputFile output(scratch / "out"); });
  CHECK(error.posix() == EISDIR);
  CHECK(error.text() == "couldn't write \"" + (scratch / "out") + "\": it is a directory");
  CHECK(host_names(scratch / "out").empty());
}

TEST_CASE("an output file needs a name and a directory that is there") {
  const Scratch scratch;
  CHECK(error_of([] { OutputFile output(""); }).text() == "couldn't write \"\": no such file or directory");
  CHECK(error_of([&] { OutputFile output(scratch / "new/"); }).posix() == EISDIR);
  const Error error = error_of([&] { OutputFile output(scratch / "no/out"); });
  CHECK(error.posix() == ENOENT);
  CHECK(error.text() == "couldn't write \"" + (scratch / "no/out") + "\": no such file or directory");
  CHECK(host_names(scratch.path()).empty());
}

TEST_CASE("an output file in the working directory needs no slash") {
  const Scratch scratch;
  const Fd old = open_file(".", O_RDONLY | O_DIRECTORY);
  REQUIRE(::chdir(scratch.path().c_str()) == 0);
  {
    OutputFile output("out");
    output.commit(0644);
  }
  REQUIRE(::fchdir(old.get()) == 0);
  CHECK(host_names(scratch.path()) == Names{"out"});
}

TEST_CASE("a full disk is an error and leaves nothing") {
  const Scratch scratch;
  {
    const FullDisk full(1000);
    OutputFile output(scratch / "out");
    const Error error = error_of([&] { write_all(output.fd(), std::string(2000, 'x'), output.path()); });
    CHECK(error.posix() == EFBIG);
    CHECK(error.text() == "couldn't write \"" + (scratch / "out") + "\": file too large");
  }
  CHECK(host_names(scratch.path()).empty());
}

TEST_CASE("a device that is full is an error") {
  const Fd full = open_file("/dev/full", O_WRONLY);
  const Error error = error_of([&] { write_all(full, "x", "/dev/full"); });
  CHECK(error.posix() == ENOSPC);
  CHECK(error.text() == "couldn't write \"/dev/full\": no space left on device");
}

TEST_CASE("only a regular file is opened as one") {
  const Scratch scratch;
  CHECK(error_of([&] { open_regular(scratch / "no"); }).text() ==
        "couldn't open \"" + (scratch / "no") + "\": no such file or directory");
  CHECK(error_of([&] { open_regular(scratch.path()); }).posix() == EISDIR);
  CHECK(error_of([] { open_regular("/dev/null"); }).text() ==
        "couldn't open \"/dev/null\": not a regular file");
  REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
  CHECK(error_of([&] { open_regular(scratch / "fifo"); }).code() == "NOTFILE");
}

TEST_CASE("files are closed when a program is started") {
  const Scratch scratch;
  write_host_file(scratch / "a", "");
  CHECK((::fcntl(open_file(scratch / "a", O_RDONLY).get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(OutputFile(scratch / "b").fd().get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("reading at an offset gives less only at the end") {
  const Scratch scratch;
  write_host_file(scratch / "a", "0123456789");
  const Fd fd = open_regular(scratch / "a");
  char buffer[8];
  CHECK(read_at(fd, buffer, 8, 0, "a") == 8);
  CHECK(std::string(buffer, 8) == "01234567");
  CHECK(read_at(fd, buffer, 8, 7, "a") == 3);
  CHECK(std::string(buffer, 3) == "789");
  CHECK(read_at(fd, buffer, 8, 10, "a") == 0);
  CHECK(read_all(fd, "a") == "0123456789");
}

TEST_CASE("a mapping shows a file's bytes, and nothing of an empty one") {
  const Scratch scratch;
  write_host_file(scratch / "a", "mapped");
  const Fd fd = open_regular(scratch / "a");
  const Mapping mapping = map_file(fd, 0, 6, "a");
  CHECK(std::string(reinterpret_cast<const char*>(mapping.bytes().data()), 6) == "mapped");
  CHECK(map_file(fd, 0, 0, "a").bytes().empty());
  CHECK(error_of([&] { map_file(fd, 1, 5, "a"); }).posix() == EINVAL);
}

TEST_CASE("a file is the same by each of its names, and an equal copy is another") {
  const Scratch scratch;
  write_host_file(scratch / "one", "equal");
  write_host_file(scratch / "copy", "equal");
  REQUIRE(::link((scratch / "one").c_str(), (scratch / "name").c_str()) == 0);
  const Fd one = open_regular(scratch / "one");
  const Fd name = open_regular(scratch / "name");
  const Fd copy = open_regular(scratch / "copy");
  CHECK(is_same_file(one, name));
  CHECK(is_same_file(stat_fd(one, "one"), stat_fd(name, "name")));
  CHECK_FALSE(is_same_file(one, copy));
  CHECK_FALSE(is_same_file(stat_fd(one, "one"), stat_fd(copy, "copy")));
  CHECK(id_of(stat_fd(one, "one")) == id_of(stat_fd(name, "name")));
  CHECK_FALSE(is_same_file(one, Fd()));
  CHECK_FALSE(is_same_file(Fd(), Fd()));
}
