// SPDX-License-Identifier: MIT

#include "archive/session.h"

#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file_vfs.h"
#include "host_calls.h"
#include "host_file.h"
#include "support.h"

using namespace starlit;

namespace {

constexpr int kWriteNew = O_WRONLY | O_CREAT | O_TRUNC;
constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND;

// A writable kit with a file "a" that holds "old", and as many sessions on it as are asked for.
class Kit {
 public:
  explicit Kit(std::vector<NewMember> members = {new_file("a", "old"), new_directory("d")}) {
    write_host_file(path(), kit_bytes(std::move(members)));
  }

  std::string path() const { return scratch_ / "a.kit"; }
  const std::string& directory() const { return scratch_.path(); }
  std::shared_ptr<Session> session() const {
    return std::make_shared<Session>(Archive::open_file(path(), Access::kWrite));
  }

 private:
  Scratch scratch_;
};

std::string read_all_of(OpenFile& file) {
  std::string content(static_cast<std::size_t>(file.size_bytes()), '?');
  REQUIRE(file.read(0, std::as_writable_bytes(std::span(content))) == content.size());
  return content;
}

std::string read_from(Session& session, std::string_view name) {
  return read_all_of(*session.open(name, O_RDONLY, 0));
}

void write_to(Session& session, std::string_view name, std::string_view content, int flags = kWriteNew) {
  const auto file = session.open(name, flags, 0644);
  if ((flags & O_APPEND) != 0) {
    file->append(as_bytes(content));
  } else {
    file->write(0, as_bytes(content));
  }
  file->close_writer();
}

// Lets the next sync of a file fail, as a broken disk does; SQLite undoes the transaction then.
class BrokenSync : public HostWatch {
 public:
  int before(HostCall call, int) override { return call == HostCall::kSync ? EIO : 0; }
};

}  // namespace

TEST_CASE("a file that could not be written whole keeps its old content, whatever is written to it later") {
  const Kit kit;
  const auto session = kit.session();
  const auto file = session->open("a", kWriteNew, 0644);
  const std::string much(3 << 20, 'm');  // more than memory keeps: see WorkingFile
  {
    class Full : public HostWatch {
      int before(HostCall call, int) override { return call == HostCall::kWrite ? ENOSPC : 0; }
    };
    const Full full;
    CHECK(error_of([&] {
            for (int i = 0; i < 8; ++i) file->write(i * std::int64_t{3 << 20}, as_bytes(much));
          }).posix() == ENOSPC);
  }
  file->write(0, as_bytes("fits"));
  CHECK(error_of([&] { file->close_writer(); }).posix() == ENOSPC);
  CHECK(read_from(*kit.session(), "a") == "old");
}

TEST_CASE("what is written is seen by other sessions when it is closed, and all of it") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  const auto file = one->open("new", kWriteNew, 0600);
  file->write(0, as_bytes("half"));
  CHECK(one->find("new"));
  CHECK(one->find("new")->size_bytes == 4);
  CHECK_FALSE(other->find("new"));
  file->write(4, as_bytes(" and half"));
  CHECK_FALSE(other->find("new"));
  file->close_writer();
  REQUIRE(other->find("new"));
  CHECK(other->find("new")->permissions == 0600);
  CHECK(read_from(*other, "new") == "half and half");
}

TEST_CASE("handles on one file share what is in it") {
  const Kit kit;
  const auto session = kit.session();
  const auto reader = session->open("a", O_RDONLY, 0);
  const auto writer = session->open("a", O_RDWR, 0);
  writer->write(0, as_bytes("new and longer"));
  CHECK(read_all_of(*reader) == "new and longer");
  CHECK(session->find("a")->size_bytes == 14);
  const auto truncating = session->open("a", O_WRONLY | O_TRUNC, 0);
  CHECK(reader->size_bytes() == 0);
  CHECK(writer->size_bytes() == 0);
  writer->write(2, as_bytes("x"));
  writer->close_writer();
  truncating->close_writer();
  CHECK(read_from(*kit.session(), "a") == std::string("\0\0x", 3));
}

TEST_CASE("a file that is new is listed and has the properties it will have") {
  const Kit kit;
  const auto session = kit.session();
  const auto file = session->open("d/new", kWriteNew, 0640);
  CHECK(session->child_names("d") == Names{"new"});
  CHECK(session->find("d/new")->type == MemberType::kFile);
  CHECK(session->find("d/new")->permissions == 0640);
  CHECK(session->archive().child_names("d").empty());
  file->close_writer();
  CHECK(session->child_names("d") == Names{"new"});
  CHECK(session->find("d/new")->size_bytes == 0);
}

TEST_CASE("O_EXCL makes a file at once, and only one that is not there") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  const auto file = one->open("lock", O_WRONLY | O_CREAT | O_EXCL, 0600);
  CHECK(error_of([&] { other->open("lock", O_WRONLY | O_CREAT | O_EXCL, 0600); }).posix() == EEXIST);
  CHECK(error_of([&] { one->open("lock", O_WRONLY | O_CREAT | O_EXCL, 0600); }).posix() == EEXIST);
  CHECK(error_of([&] { one->open("d", O_WRONLY | O_CREAT | O_EXCL, 0600); }).posix() == EEXIST);
  file->write(0, as_bytes("1"));
  file->close_writer();
  CHECK(read_from(*other, "lock") == "1");
}

TEST_CASE("opening fails as open(2) does") {
  const Kit kit({new_file("a", "old"), new_directory("d"), new_file("implied/x", "x")});
  const auto session = kit.session();
  const auto failure = [&](std::string_view name, int flags) {
    return error_of([&] { session->open(name, flags, 0644); }).posix();
  };
  CHECK(failure("no", O_RDONLY) == ENOENT);
  CHECK(failure("no", O_RDWR) == ENOENT);
  CHECK(failure("d", O_RDONLY) == EISDIR);
  CHECK(failure("d", kWriteNew) == EISDIR);
  CHECK(failure("implied", kWriteNew) == EISDIR);
  CHECK(failure("", kWriteNew) == EISDIR);
  CHECK(failure("no/x", kWriteNew) == ENOENT);
  CHECK(failure("a/x", kWriteNew) == ENOTDIR);
  CHECK(failure("a/x/y", kWriteNew) == ENOTDIR);
  CHECK(failure(std::string(256, 'n'), kWriteNew) == ENAMETOOLONG);
  CHECK(names_of(session->archive()) == Names{"a", "d", "implied/x"});
}

TEST_CASE("an archive that is open for reading refuses each change with EROFS") {
  const std::string bytes = kit_bytes({new_file("a", "old"), new_directory("d")});
  const auto session = std::make_shared<Session>(open_kit(bytes));
  const auto refused = [&](auto&& body) { return error_of(body).posix() == EROFS; };
  CHECK(refused([&] { session->open("a", O_WRONLY, 0); }));
  CHECK(refused([&] { session->open("a", O_RDWR, 0); }));
  CHECK(refused([&] { session->open("a", O_RDONLY | O_TRUNC, 0); }));
  CHECK(refused([&] { session->open("no", O_RDONLY | O_CREAT, 0); }));
  CHECK(refused([&] { session->make_directory("e", 0755); }));
  CHECK(refused([&] { session->make_link("l", "a"); }));
  CHECK(refused([&] { session->remove_file("a"); }));
  CHECK(refused([&] { session->remove_directory("d", true); }));
  CHECK(refused([&] { session->rename("a", "b"); }));
  CHECK(refused([&] { session->copy_file("a", "b"); }));
  CHECK(refused([&] { session->set_mtime("a", 1); }));
  CHECK(refused([&] { session->set_permissions("a", 0600); }));
  CHECK(refused([&] { Transaction transaction(session->archive()); }));
  CHECK(read_from(*session, "a") == "old");
  CHECK(error_of([&] { session->open("no", O_RDONLY, 0); }).posix() == ENOENT);
}

TEST_CASE("a file that is removed keeps its content for those who have it open") {
  const Kit kit({new_file("small", "old"), new_file("large", noise(6'000'000)), new_directory("d")});
  for (const char* name : {"small", "large"}) {
    INFO(name);
    const auto session = kit.session();
    const std::string before = content_of(session->archive(), name);
    const auto reader = session->open(name, O_RDONLY, 0);
    const auto writer = session->open(name, O_RDWR, 0);
    session->remove_file(name);
    CHECK_FALSE(session->find(name));
    CHECK((read_all_of(*reader) == before));
    writer->write(0, as_bytes("X"));
    CHECK((read_all_of(*reader) == "X" + before.substr(1)));
    writer->close_writer();
    CHECK_FALSE(session->find(name));
    CHECK_FALSE(kit.session()->find(name));
  }
}

TEST_CASE("a file that is new and removed before it is closed never was") {
  const Kit kit;
  const auto session = kit.session();
  const auto file = session->open("new", kWriteNew, 0644);
  file->write(0, as_bytes("x"));
  session->remove_file("new");
  CHECK_FALSE(session->find("new"));
  CHECK(session->child_names("") == Names{"a", "d"});
  file->close_writer();
  CHECK_FALSE(kit.session()->find("new"));
}

TEST_CASE("a file that is renamed while open is written under its new name") {
  const Kit kit;
  const auto session = kit.session();
  const auto file = session->open("a", O_RDWR, 0);
  file->write(0, as_bytes("new"));
  session->rename("a", "d/b");
  file->write(3, as_bytes("er"));
  CHECK_FALSE(session->find("a"));
  file->close_writer();
  CHECK(read_from(*kit.session(), "d/b") == "newer");
  CHECK_FALSE(kit.session()->find("a"));
}

TEST_CASE("a file in a directory that is renamed goes along") {
  const Kit kit({new_file("d/e/a", "old")});
  const auto session = kit.session();
  const auto file = session->open("d/e/a", O_RDWR, 0);
  const auto fresh = session->open("d/e/new", kWriteNew, 0644);
  fresh->write(0, as_bytes("fresh"));
  session->rename("d", "f");
  file->write(0, as_bytes("new"));
  file->close_writer();
  fresh->close_writer();
  CHECK(names_of(kit.session()->archive()) == Names{"f", "f/e/a", "f/e/new"});
  CHECK(read_from(*kit.session(), "f/e/a") == "new");
  CHECK(read_from(*kit.session(), "f/e/new") == "fresh");
}

TEST_CASE("a file that another is renamed onto keeps its content for those who have it open") {
  const Kit kit({new_file("a", "old"), new_file("b", "other")});
  const auto session = kit.session();
  const auto file = session->open("b", O_RDWR, 0);
  session->rename("a", "b");
  CHECK(read_all_of(*file) == "other");
  file->write(0, as_bytes("lost"));
  file->close_writer();
  CHECK(read_from(*kit.session(), "b") == "old");
  CHECK_FALSE(kit.session()->find("a"));
}

TEST_CASE("an open file loses nothing when its removal fails") {
  const Kit kit;
  const auto session = kit.session(), other = kit.session();
  const auto file = session->open("a", O_RDWR, 0);
  const auto target = session->open("b", kWriteNew, 0644);
  target->write(0, as_bytes("b"));
  target->close_writer();
  target->write(0, as_bytes("B"));
  file->write(0, as_bytes("new"));
  {
    const BrokenSync broken;
    CHECK(error_of([&] { session->remove_file("a"); }).posix() == EIO);
    CHECK(error_of([&] { session->rename("d", "b"); }).posix() == ENOTDIR);
    CHECK(error_of([&] { session->remove_directory("d", true); }).posix() == EIO);
  }
  CHECK(session->find("a"));
  file->close_writer();
  CHECK(read_from(*other, "a") == "new");
  CHECK(read_from(*other, "b") == "b");
  CHECK(other->find("d"));
}

TEST_CASE("two sessions that append lose nothing of one another") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  const auto first = one->open("log", kAppend, 0644);
  const auto second = other->open("log", kAppend, 0644);
  first->append(as_bytes("1\n"));
  second->append(as_bytes("2\n"));
  first->append(as_bytes("3\n"));
  first->close_writer();
  second->close_writer();
  CHECK(read_from(*kit.session(), "log") == "1\n3\n2\n");
  write_to(*one, "log", "4\n", kAppend);
  write_to(*other, "log", "5\n", kAppend);
  CHECK(read_from(*kit.session(), "log") == "1\n3\n2\n4\n5\n");
}

TEST_CASE("appending to a file that another session has made longer, of any size, adds to that") {
  for (const std::size_t size : {std::size_t{3}, std::size_t{1} << 20, std::size_t{5} << 20, (std::size_t{16} << 20) + 5}) {
    INFO(size);
    const Kit kit;
    const auto one = kit.session(), other = kit.session();
    const std::string start = noise(size);
    write_to(*one, "log", start);
    const auto first = one->open("log", kAppend, 0644);
    const auto second = other->open("log", kAppend, 0644);
    first->append(as_bytes("first"));
    first->close_writer();
    second->append(as_bytes("second"));
    second->close_writer();
    CHECK((read_from(*kit.session(), "log") == start + "firstsecond"));
  }
}

TEST_CASE("what others append while a handle is open is not appended once more") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  write_to(*one, "log", "start\n");
  const auto mine = one->open("log", kAppend, 0644);
  write_to(*other, "log", "theirs\n", kAppend);
  // Brings in what the other has written.
  CHECK(read_from(*one, "log") == "start\ntheirs\n");
  mine->append(as_bytes("mine\n"));
  mine->close_writer();
  CHECK(read_from(*kit.session(), "log") == "start\ntheirs\nmine\n");
}

TEST_CASE("an append that fails and is tried again is there once") {
  const Kit kit;
  const auto session = kit.session(), other = kit.session();
  write_to(*session, "log", "start\n");
  const auto mine = session->open("log", kAppend, 0644);
  mine->append(as_bytes("mine\n"));
  write_to(*other, "log", "theirs\n", kAppend);
  {
    const BrokenSync broken;
    error_of([&] { session->rename("log", "log2"); });
  }
  mine->close_writer();
  CHECK(read_from(*kit.session(), "log") == "start\ntheirs\nmine\n");
}

TEST_CASE("a file that others have removed is made anew, without what it held") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  const auto held = one->open("a", O_RDONLY, 0);
  other->remove_file("a");
  SECTION("by writing") {
    write_to(*one, "a", "x", O_WRONLY | O_CREAT);
    CHECK(read_from(*kit.session(), "a") == "x");
  }
  SECTION("by appending") {
    write_to(*one, "a", "x", kAppend);
    CHECK(read_from(*kit.session(), "a") == "x");
  }
  CHECK(read_all_of(*held) == "old");
}

TEST_CASE("a part of a content of any size is changed, and the rest stays") {
  for (const std::size_t size : {std::size_t{1} << 20, std::size_t{3} << 20, std::size_t{6} << 20, std::size_t{17} << 20}) {
    for (std::string content : {noise(size), text(size)}) {
      INFO(size);
      const Kit kit;
      const auto session = kit.session();
      write_to(*session, "big", content);
      for (const std::size_t at : {size / 2, size - 3, std::size_t{0}}) {
        const auto file = session->open("big", O_RDWR, 0);
        file->write(static_cast<std::int64_t>(at), as_bytes("new"));
        file->close_writer();
        content.replace(at, 3, "new");
        CHECK((read_from(*session, "big") == content));
        CHECK((read_from(*kit.session(), "big") == content));
      }
    }
  }
}

TEST_CASE("of two sessions that write one file the last to close wins") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  const auto first = one->open("a", O_RDWR, 0);
  const auto second = other->open("a", O_RDWR, 0);
  first->write(0, as_bytes("FIRST AND LONG"));
  second->write(1, as_bytes("2"));
  first->close_writer();
  second->close_writer();
  CHECK(read_from(*kit.session(), "a") == "o2d");
}

TEST_CASE("each handle whose content could not be kept says so when it is closed") {
  const Kit kit;
  const auto session = kit.session();
  const auto first = session->open("a", O_RDWR, 0);
  const auto second = session->open("a", O_RDWR, 0);
  first->write(0, as_bytes("1"));
  second->write(1, as_bytes("2"));
  {
    const BrokenSync broken;
    CHECK(error_of([&] { first->close_writer(); }).posix() == EIO);
  }
  // The other's bytes were in it too: either they are kept now, or it is told.
  try {
    second->close_writer();
    CHECK(read_from(*kit.session(), "a") == "12d");
  } catch (const Error& error) {
    CHECK(error.posix() == EIO);
    CHECK(read_from(*kit.session(), "a") == "old");
  }
}

TEST_CASE("a new file that could not be written is not there") {
  const Kit kit;
  const auto session = kit.session();
  const auto file = session->open("new", kWriteNew, 0644);
  file->write(0, as_bytes("x"));
  {
    const BrokenSync broken;
    CHECK(error_of([&] { file->close_writer(); }).posix() == EIO);
  }
  CHECK_FALSE(session->find("new"));
  CHECK(session->child_names("") == Names{"a", "d"});
  write_to(*session, "new", "y");
  CHECK(read_from(*kit.session(), "new") == "y");
}

TEST_CASE("a transaction is seen by others when it is committed, and never when it is undone") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  {
    Transaction transaction(one->archive());
    write_to(*one, "b", "1");
    one->make_directory("e", 0755);
    one->rename("a", "e/a");
    CHECK(one->find("e/a"));
    CHECK_FALSE(other->find("b"));
    CHECK(other->find("a"));
    transaction.commit();
  }
  CHECK(names_of(other->archive()) == Names{"b", "d", "e", "e/a"});
  {
    const Session::Handles handles(*one);
    {
      Transaction transaction(one->archive());
      one->remove_directory("e", true);
      write_to(*one, "b", "2");
      {
        Transaction inner(one->archive());
        one->make_directory("f", 0755);
      }
      CHECK_FALSE(one->find("f"));
      CHECK_FALSE(one->find("e"));
    }
    handles.restore();
  }
  CHECK(names_of(one->archive()) == Names{"b", "d", "e", "e/a"});
  CHECK(read_from(*one, "b") == "1");
}

TEST_CASE("files that are open go back with a transaction that is undone") {
  const Kit kit({new_file("a", "old"), new_file("b", "other"), new_file("r", "read")});
  const auto session = kit.session();
  const auto changed = session->open("a", O_RDWR, 0);
  const auto removed = session->open("b", O_RDWR, 0);
  const auto renamed = session->open("r", O_RDWR, 0);
  const Session::Handles handles(*session);
  {
    Transaction transaction(session->archive());
    changed->write(0, as_bytes("NEW"));
    session->remove_file("b");
    session->rename("r", "moved");
  }
  handles.restore();
  CHECK(session->find("b"));
  CHECK(session->find("r"));
  CHECK_FALSE(session->find("moved"));
  removed->write(0, as_bytes("back!"));
  removed->close_writer();
  renamed->write(0, as_bytes("READ"));
  renamed->close_writer();
  changed->close_writer();
  const auto other = kit.session();
  CHECK(read_from(*other, "b") == "back!");
  CHECK(read_from(*other, "r") == "READ");
  CHECK(read_from(*other, "a") == "NEW");
  CHECK(names_of(other->archive()) == Names{"a", "b", "r"});
}

TEST_CASE("what an open file holds outlives an undone transaction in which it was renamed or copied") {
  const std::string large = noise((std::size_t{16} << 20) + 5);
  for (const bool renames : {true, false}) {
    INFO((renames ? "renamed" : "copied"));
    const Kit kit;
    const auto session = kit.session();
    const auto appended = session->open("a", kAppend, 0);
    appended->append(as_bytes("+new"));
    const auto fresh = session->open("fresh", kWriteNew, 0644);
    fresh->write(0, as_bytes(large));
    const auto small = session->open("small", kWriteNew, 0644);
    small->write(0, as_bytes("small"));
    const Session::Handles handles(*session);
    {
      Transaction transaction(session->archive());
      for (const std::string name : {"a", "fresh", "small"}) {
        if (renames) {
          session->rename(name, "d/" + name);
        } else {
          session->copy_file(name, "d/" + name);
        }
      }
    }
    handles.restore();
    CHECK(session->child_names("d").empty());
    CHECK(read_from(*session, "a") == "old+new");
    appended->append(as_bytes("+more"));
    for (const auto& file : {appended, fresh, small}) file->close_writer();
    const auto other = kit.session();
    CHECK(read_from(*other, "a") == "old+new+more");
    CHECK((read_from(*other, "fresh") == large));
    CHECK(read_from(*other, "small") == "small");
    CHECK(names_of(other->archive()) == Names{"a", "d", "fresh", "small"});
  }
}

TEST_CASE("whoever waits for another writer in vain is told so") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  const Transaction transaction(one->archive());
  const Error error = error_of([&] { other->make_directory("e", 0755); });
  CHECK(error.posix() == EAGAIN);
  CHECK(error.code() == "BUSY");
  CHECK(error.text() == "couldn't write \"" + kit.path() + "\": another process or thread is using the archive");
  CHECK(other->find("a"));
}

TEST_CASE("who reads holds up who commits, and is named so") {
  const Kit kit;
  const auto one = kit.session(), other = kit.session();
  {
    const Archive::Snapshot reading(other->archive());
    REQUIRE(other->find("a"));
    const Error error = error_of([&] { one->make_directory("e", 0755); });
    CHECK(error.posix() == EAGAIN);
    CHECK(error.text() == "couldn't write \"" + kit.path() + "\": another process or thread is using the archive");
    CHECK_FALSE(one->find("e"));
  }
  one->make_directory("e", 0755);
  CHECK(other->find("e"));
}

TEST_CASE("a copy has content, time and permissions of what it was made from, and replaces what is there") {
  const Kit kit({new_file("a", "old", 0711), new_file("b", "other"), new_link("l", "a"), new_directory("d")});
  const auto session = kit.session();
  session->copy_file("a", "d/a");
  CHECK(read_from(*session, "d/a") == "old");
  CHECK(session->find("d/a")->permissions == 0711);
  CHECK(session->find("d/a")->mtime_s == 1000000000);
  session->copy_file("a", "b");
  CHECK(read_from(*session, "b") == "old");
  session->copy_file("l", "l2");
  CHECK(session->archive().link_target("l2") == "a");
  CHECK(error_of([&] { session->copy_file("a", "d"); }).posix() == EISDIR);
  CHECK(error_of([&] { session->copy_file("d", "x"); }).posix() == EISDIR);
  CHECK(error_of([&] { session->copy_file("no", "x"); }).posix() == ENOENT);
  const auto open = session->open("a", O_RDWR, 0);
  open->write(0, as_bytes("NEW"));
  session->copy_file("a", "c");
  CHECK(read_from(*session, "c") == "NEW");
  open->close_writer();
}

TEST_CASE("times and permissions of an open file are those that were set") {
  const Kit kit;
  const auto session = kit.session();
  const auto file = session->open("new", kWriteNew, 0644);
  file->write(0, as_bytes("x"));
  session->set_mtime("new", 77);
  session->set_permissions("new", 0600);
  CHECK(session->find("new")->mtime_s == 77);
  file->close_writer();
  CHECK(kit.session()->find("new")->mtime_s == 77);
  CHECK(kit.session()->find("new")->permissions == 0600);
  session->set_permissions("a", 04755);
  CHECK(kit.session()->find("a")->permissions == 04755);
}

TEST_CASE("closing a file leaves it the permissions that others have set meanwhile") {
  const Kit kit({new_file("a", "old"), new_file("b", "old"), new_file("c", "old")});
  const auto one = kit.session(), other = kit.session();
  const auto permissions = [&](const char* name) { return kit.session()->find(name)->permissions; };
  const auto written = one->open("a", O_RDWR, 0);
  written->write(0, as_bytes("x"));
  const auto appended = one->open("b", kAppend, 0);
  appended->append(as_bytes("x"));
  other->set_permissions("a", 0600);
  other->set_permissions("b", 0640);
  CHECK(one->find("a")->permissions == 0600);
  written->close_writer();
  appended->close_writer();
  CHECK(permissions("a") == 0600);
  CHECK(permissions("b") == 0640);

  // Made by both: the first to make it says what they are, unless they were set.
  const auto fresh = one->open("fresh", kWriteNew, 0644);
  const auto set = one->open("set", kWriteNew, 0644);
  one->set_permissions("set", 0640);
  other->open("fresh", kWriteNew, 0600)->close_writer();
  other->open("set", kWriteNew, 0600)->close_writer();
  CHECK(one->find("set")->permissions == 0640);
  fresh->close_writer();
  set->close_writer();
  CHECK(permissions("fresh") == 0600);
  CHECK(permissions("set") == 0640);

  // What is undone is not set.
  const auto undone = one->open("c", O_RDWR, 0);
  undone->write(0, as_bytes("x"));
  const Session::Handles handles(*one);
  {
    const Transaction transaction(one->archive());
    one->set_permissions("c", 0600);
  }
  handles.restore();
  undone->close_writer();
  CHECK(permissions("c") == 0644);
}

TEST_CASE("a file that another session renames while it is open here is made anew under its old name, or it is told") {
  for (const std::size_t size : {std::size_t{5}, std::size_t{6} << 20, (std::size_t{16} << 20) + 5}) {
    INFO(size);
    const Kit kit;
    const auto one = kit.session(), other = kit.session();
    const std::string before = noise(size);
    write_to(*one, "file", before);
    const auto file = one->open("file", O_RDWR, 0);
    file->write(1, as_bytes("X"));
    const auto log = one->open("a", kAppend, 0);
    log->append(as_bytes("+more"));
    other->rename("file", "renamed");
    other->rename("a", "b");
    if (size == std::size_t{6} << 20) {
      // What was not changed is read from the row, and the row has another name.
      CHECK(error_of([&] { file->close_writer(); }).posix() == ESTALE);
      CHECK_FALSE(kit.session()->find("file"));
    } else {
      file->close_writer();
      CHECK((read_from(*kit.session(), "file") == before.substr(0, 1) + "X" + before.substr(2)));
    }
    log->close_writer();
    CHECK((read_from(*kit.session(), "renamed") == before));
    CHECK(read_from(*kit.session(), "a") == "+more");
    CHECK(read_from(*kit.session(), "b") == "old");
  }
}

TEST_CASE("a kit that was opened before chroot(2) into an empty directory is read and written after it") {
  const Kit kit({new_file("a", "old"), new_directory("d")});
  const Scratch empty;
  const std::string large = noise((std::size_t{16} << 20) + 5);
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    // What has gone wrong is told by the status: 1 is a call of the system, 2 an Error.
    try {
      auto session = kit.session();
      if (::geteuid() != 0 && ::unshare(CLONE_NEWUSER) != 0) ::_exit(1);
      if (::chroot(empty.path().c_str()) != 0 || ::chdir("/") != 0) ::_exit(1);
      if (::access("/tmp", F_OK) == 0 || ::access("/proc", F_OK) == 0) ::_exit(3);
      if (read_from(*session, "a") != "old") ::_exit(4);
      write_to(*session, "a", "+new", kAppend);
      write_to(*session, "d/large", large);
      {
        Transaction transaction(session->archive());
        session->make_directory("e", 0755);
        session->rename("d/large", "e/large");
        transaction.commit();
      }
      {
        const Transaction undone(session->archive());
        session->remove_directory("e", true);
      }
      // As another thread would.
      const auto again = std::make_shared<Session>(session->archive().reopen());
      write_to(*again, "again", read_from(*again, "a"));
      if (session->archive().host()->path() != kit.path()) ::_exit(5);
      session.reset();
    } catch (const Error& error) {
      const std::string line = error.text() + "\n";
      static_cast<void>(::write(2, line.data(), line.size()));
      ::_exit(2);
    } catch (...) {
      ::_exit(6);  // a REQUIRE
    }
    ::_exit(0);
  }
  int status;
  REQUIRE(::waitpid(process, &status, 0) == process);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  const auto session = kit.session();
  CHECK(names_of(session->archive()) == Names{"a", "again", "d", "e", "e/large"});
  CHECK(read_from(*session, "again") == "old+new");
  CHECK((read_from(*session, "e/large") == large));
  CHECK(host_names(empty.path()).empty());
  CHECK(host_names(kit.directory()) == Names{"a.kit"});
}

TEST_CASE("a reader of a file that is replaced gets an error and never a mixture") {
  // Stored as it is, in one row; replaced by as many bytes within the same second.
  for (const std::size_t size : {std::size_t{6} << 20, std::size_t{17} << 20}) {
    INFO(size);
    const Kit kit;
    const auto one = kit.session(), other = kit.session();
    const std::string before = noise(size), after(before.rbegin(), before.rend());
    write_to(*one, "big", before);
    one->set_mtime("big", 1);
    const auto reader = other->open("big", O_RDONLY, 0);
    std::string found(size, '?');
    reader->read(0, std::as_writable_bytes(std::span(found).first(size / 2)));
    {
      Transaction transaction(one->archive());
      write_to(*one, "big", after);
      one->set_mtime("big", 1);
      transaction.commit();
    }
    try {
      reader->read(static_cast<std::int64_t>(size / 2), std::as_writable_bytes(std::span(found).subspan(size / 2)));
      CHECK((found == before));
    } catch (const Error& error) {
      CHECK(error.posix() == ESTALE);
    }
  }
}
