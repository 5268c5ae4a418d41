// SPDX-License-Identifier: MIT
//
// Each call that changing an archive makes fails once: the first, the second, and so on until the change succeeds because
// it has no more of them. A change that fails throws an Error that says why, the archive holds what it held, for this
// process and for others, is sound, and takes the same change when it is made once more.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <new>
#include <set>

#include "archive/session.h"
#include "fake_elf.h"
#include "host_calls.h"
#include "support.h"

using namespace starlit;

namespace {

// Memory: SQLite's own, and that of operator new, each failing at a chosen call of this thread.
struct Memory {
  long fails_at = 0;  // counts down to 1; 0: never
  bool goes_on = false;
  bool has_failed = false;

  bool fails() noexcept {
    if (fails_at == 0) return false;
    if (fails_at > 1) {
      --fails_at;
      return false;
    }
    if (!goes_on) fails_at = 0;
    has_failed = true;
    return true;
  }
};
thread_local Memory sqlite_memory;
thread_local Memory new_memory;

sqlite3_mem_methods real_memory;

// SQLite takes another allocator only before its first use.
const int sqlite_memory_is_ours = [] {
  int code = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
  sqlite3_mem_methods ours = real_memory;
  ours.xMalloc = [](int size) -> void* { return sqlite_memory.fails() ? nullptr : real_memory.xMalloc(size); };
  ours.xRealloc = [](void* old, int size) -> void* {
    return sqlite_memory.fails() ? nullptr : real_memory.xRealloc(old, size);
  };
  if (code == SQLITE_OK) code = sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
  return code;
}();

}  // namespace

// Not to be looked into by the compiler, which knows what new and delete belong to.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (new_memory.fails()) throw std::bad_alloc();
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return new_memory.fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void* operator new[](std::size_t size, const std::nothrow_t& nothrow) noexcept { return operator new(size, nothrow); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

namespace {

using State = std::map<std::string, std::string>;

State state_of(Archive& archive) {
  State state;
  std::vector<std::string> files;
  archive.each([&](std::string_view name, const Member& member) {
    if (member.type == MemberType::kFile) files.emplace_back(name);
    if (member.type != MemberType::kFile) state[std::string(name)] = "<no file>";
  });
  for (const std::string& name : files) state[name] = content_of(archive, name);
  return state;
}

// Lets the n-th call of one kind fail.
class Fault : public HostWatch {
 public:
  Fault(HostCall call, int number, int error) : call_(call), left_(number), error_(error) {}
  bool has_happened() const noexcept { return left_ <= 0; }
  bool skips_sync() const override { return true; }
  int before(HostCall call, int) override { return call == call_ && --left_ == 0 ? error_ : 0; }

 private:
  HostCall call_;
  int left_, error_;
};

// Lets writes take a few bytes at a time.
class Trickle : public HostWatch {
 public:
  std::size_t at_most(std::size_t size) override { return std::min<std::size_t>(size, 1 + size / 3); }
  bool skips_sync() const override { return true; }
};

class NoSync : public HostWatch {
 public:
  bool skips_sync() const override { return true; }
};

void put(Session& session, std::string_view name, std::string_view content) {
  const auto file = session.open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  file->write(0, as_bytes(content));
  file->close_writer();
}

struct Change {
  const char* what;
  std::function<void(Session&)> make;
};

const std::vector<Change>& changes() {
  static const std::string large = noise(300'000), middle = text(4'200'000);
  static const std::vector<Change> all = {
      {"a small file", [](Session& session) { put(session, "new", "content"); }},
      {"a file for which the archive has to grow", [](Session& session) { put(session, "new", large); }},
      {"a file through a temporary one", [](Session& session) { put(session, "new", middle); }},
      {"adding to a file",
       [](Session& session) {
         const auto file = session.open("b", O_WRONLY | O_APPEND, 0644);
         file->append(as_bytes("more"));
         file->close_writer();
       }},
      {"several at once",
       [](Session& session) {
         Transaction transaction(session.archive());
         session.make_directory("e", 0755);
         session.rename("d", "e/d");
         session.remove_file("b");
         put(session, "e/new", "content");
         session.copy_file("a", "c");
         transaction.commit();
       }},
  };
  return all;
}

std::string kit() {
  const Scratch scratch;
  NewArchive archive;
  archive.script = "#!/bin/sh\n";
  archive.page_size_bytes = 4096;
  archive.members = {new_file("a", noise(20'000)), new_file("b", "old"), new_directory("d"), new_file("d/x", "x")};
  write_archive(scratch / "out", archive);
  return read_host_file(scratch / "out");
}

std::string starpack() {
  const Scratch scratch;
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  NewArchive archive;
  archive.program_path = scratch / "elf";
  archive.page_size_bytes = 4096;
  archive.members = {new_file("a", noise(20'000)), new_file("b", "old"), new_directory("d"), new_file("d/x", "x")};
  write_archive(scratch / "out", archive);
  return read_host_file(scratch / "out");
}

// What comes of trying once: the errno of the Error, 0 for none; ENOMEM for std::bad_alloc.
int outcome_of(const std::function<void()>& body) {
  try {
    body();
    return 0;
  } catch (const Error& error) {
    return error.posix() == 0 ? -1 : error.posix();
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

// Tries a change with a fault in it. `with_fault` calls the change with the fault set, and returns whether it happened.
// Returns false when the fault did not happen any more.
struct Trial {
  std::string bytes;
  const Change* change;
  std::set<int> expected;   // errnos
  bool may_succeed = false; // in spite of the fault
  bool may_stay = false;    // the change may have been made although it failed: only its durability is in doubt

  bool run(const std::function<bool(const std::function<void()>&)>& with_fault) const {
    const Scratch scratch;
    const std::string path = scratch / "app";
    write_host_file(path, bytes);
    const NoSync quick;
    int outcome = 0;
    bool happened = false;
    State before, after;
    {
      const auto session = std::make_shared<Session>(Archive::open_file(path, Access::kWrite));
      before = state_of(session->archive());
      happened = with_fault([&] { outcome = outcome_of([&] { change->make(*session); }); });
      INFO("outcome " << outcome << " " << ::strerror(outcome));
      if (happened && !may_succeed) CHECK(outcome != 0);
      if (outcome != 0) CHECK(expected.contains(outcome));
      const State here = state_of(session->archive());
      const State there = state_of(*Archive::open_file(path));
      const auto listing = [](const State& state) {
        std::string text;
        for (const auto& [name, content] : state) text += " " + name + ":" + std::to_string(content.size());
        return text;
      };
      INFO("here" << listing(here) << ", there" << listing(there));
      CHECK((here == there));
      if (outcome != 0) {
        if (!may_stay) CHECK((here == before));
        if (here == before) {
          CHECK(outcome_of([&] { change->make(*session); }) == 0);
        }
      } else {
        CHECK((here != before));
      }
      put(*session, "z", "afterwards");
      after = state_of(session->archive());
      CHECK((after != before));
    }
    const auto other = Archive::open_file(path);
    CHECK((state_of(*other) == after));
    const Statement check = prepare(other->database(), "PRAGMA integrity_check", path);
    REQUIRE(sqlite3_step(check.get()) == SQLITE_ROW);
    CHECK(column_text(check.get(), 0) == "ok");
    for (const std::string& name : host_names(scratch.path())) {
      INFO(name);
      CHECK((name == "app" || name == "app-journal"));
    }
    return happened;
  }
};

// Each of the first calls, then fewer and fewer.
int next_number(int number) { return number + 1 + number * 25 / static_cast<int>(percent()); }

void fail_calls(const std::string& bytes, HostCall call, int error, std::set<int> expected, bool may_succeed,
                bool may_stay) {
  for (const Change& change : changes()) {
    for (int number = 1; number < 100'000; number = next_number(number)) {
      INFO(change.what << ": " << name_of(call) << " number " << number << " fails with " << ::strerror(error));
      const Trial trial{bytes, &change, expected, may_succeed, may_stay};
      const bool happened = trial.run([&](const std::function<void()>& body) {
        const Fault fault(call, number, error);
        body();
        return fault.has_happened();
      });
      if (!happened) break;
    }
  }
}

void fail_memory(const std::string& bytes, Memory& memory, bool goes_on) {
  for (const Change& change : changes()) {
    for (int number = 1; number < 1'000'000; number = next_number(number)) {
      INFO(change.what << ": memory number " << number << " is refused");
      const Trial trial{bytes, &change, {ENOMEM}, true, false};
      const bool happened = trial.run([&](const std::function<void()>& body) {
        memory = {number, goes_on, false};
        body();
        const bool failed = memory.has_failed;
        memory = {};
        return failed;
      });
      if (!happened) break;
    }
  }
}

}  // namespace

TEST_CASE("a write that fails in a kit fails the change") {
  for (const int error : {ENOSPC, EIO, EDQUOT}) {
    fail_calls(kit(), HostCall::kWrite, error, {error == EDQUOT ? ENOSPC : error, error}, false, false);
  }
}

TEST_CASE("a call that is interrupted in a kit is repeated") {
  for (const HostCall call : {HostCall::kWrite, HostCall::kRead, HostCall::kSync, HostCall::kTruncate, HostCall::kOpen,
                              HostCall::kLock}) {
    fail_calls(kit(), call, EINTR, {}, true, false);
  }
}

TEST_CASE("a read that fails in a kit fails the change") {
  fail_calls(kit(), HostCall::kRead, EIO, {EIO}, true, false);
}

TEST_CASE("a sync that fails in a kit fails the change") {
  fail_calls(kit(), HostCall::kSync, EIO, {EIO}, false, true);
  fail_calls(kit(), HostCall::kSync, ENOSPC, {ENOSPC, EIO}, false, true);
}

TEST_CASE("a file that cannot be shortened, made or locked fails the change of a kit, or changes nothing") {
  fail_calls(kit(), HostCall::kTruncate, EIO, {EIO}, true, true);
  fail_calls(kit(), HostCall::kOpen, EACCES, {EACCES}, true, false);
  fail_calls(kit(), HostCall::kOpen, ENOSPC, {ENOSPC}, true, false);
  fail_calls(kit(), HostCall::kOpen, EMFILE, {EMFILE}, true, false);
  fail_calls(kit(), HostCall::kLock, ENOLCK, {EIO, ENOLCK}, true, true);
}

TEST_CASE("a write that fails in an executable fails the change") {
  for (const int error : {ENOSPC, EIO}) fail_calls(starpack(), HostCall::kWrite, error, {error}, false, false);
  for (const int error : {ENOSPC, EIO}) fail_calls(starpack(), HostCall::kCopy, error, {error}, false, false);
  // Between file systems that cannot: by reading and writing.
  fail_calls(starpack(), HostCall::kCopy, EXDEV, {}, true, false);
}

TEST_CASE("a call that is interrupted in an executable is repeated") {
  for (const HostCall call : {HostCall::kWrite, HostCall::kRead, HostCall::kCopy, HostCall::kSync, HostCall::kTruncate,
                              HostCall::kOpen, HostCall::kLock}) {
    fail_calls(starpack(), call, EINTR, {}, true, false);
  }
}

TEST_CASE("an executable that cannot be made durable, renamed or given its mode stays the old one") {
  fail_calls(starpack(), HostCall::kRename, EACCES, {EACCES}, false, false);
  fail_calls(starpack(), HostCall::kMode, EPERM, {EPERM}, false, false);
  fail_calls(starpack(), HostCall::kOpen, EACCES, {EACCES}, true, false);
  fail_calls(starpack(), HostCall::kOpen, ENOSPC, {ENOSPC}, true, false);
  fail_calls(starpack(), HostCall::kRead, EIO, {EIO}, true, false);
  fail_calls(starpack(), HostCall::kTruncate, EIO, {EIO}, true, false);
  fail_calls(starpack(), HostCall::kLock, ENOLCK, {ENOLCK, EIO}, true, false);
  // The last of the syncs is that of the directory: the new one has its name then, and may lose it again.
  fail_calls(starpack(), HostCall::kSync, EIO, {EIO}, false, true);
}

TEST_CASE("writes that take a part of what they are given are continued") {
  for (const std::string& bytes : {kit(), starpack()}) {
    for (const Change& change : changes()) {
      INFO(change.what);
      const Trial trial{bytes, &change, {}, true, false};
      trial.run([](const std::function<void()>& body) {
        const Trickle trickle;
        body();
        return true;
      });
    }
  }
}

TEST_CASE("memory that SQLite does not get fails the change") {
  REQUIRE(sqlite_memory_is_ours == SQLITE_OK);
  fail_memory(kit(), sqlite_memory, false);
  fail_memory(kit(), sqlite_memory, true);
  fail_memory(starpack(), sqlite_memory, false);
  fail_memory(starpack(), sqlite_memory, true);
}

TEST_CASE("memory that is not there fails the change") {
  fail_memory(kit(), new_memory, false);
  fail_memory(starpack(), new_memory, false);
}

TEST_CASE("an archive is opened, or it is an Error, whatever call fails") {
  for (const std::string& bytes : {kit(), starpack()}) {
    for (const HostCall call : {HostCall::kRead, HostCall::kOpen, HostCall::kLock, HostCall::kWrite, HostCall::kCopy}) {
      for (const int error : {EIO, EINTR, EACCES}) {
        for (int number = 1; number < 1000; ++number) {
          INFO(name_of(call) << " number " << number << " fails with " << ::strerror(error));
          const Scratch scratch;
          write_host_file(scratch / "app", bytes);
          bool happened;
          int outcome;
          {
            const Fault fault(call, number, error);
            outcome = outcome_of([&] { names_of(*Archive::open_file(scratch / "app", Access::kWrite)); });
            happened = fault.has_happened();
          }
          CHECK((outcome == 0 || outcome == error || (outcome == EIO && error != EINTR)));
          CHECK((read_host_file(scratch / "app") == bytes));
          if (!happened) break;
        }
      }
    }
  }
}
