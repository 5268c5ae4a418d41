// SPDX-License-Identifier: MIT
//
// What is left of an archive when its writer is stopped in the middle: by power failure (simulated, see disk_log.h) and
// by SIGKILL (real). Whatever the moment, the archive opens, is sound, and holds exactly what the last call that returned
// has made of it, or that and the whole of the one that was going on.
//
// STARLIT_SEED chooses other moments; STARLIT_CRASHES says how many, in percent (100).

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <random>

#include "archive/editor.h"
#include "archive/executable.h"
#include "disk_log.h"
#include "fake_elf.h"
#include "support.h"

using namespace starlit;

namespace {

using State = std::map<std::string, std::string>;  // member -> content; "<directory>" for one

// Leaves out what only takes time where nobody pulls the plug.
class NoSync : public HostWatch {
 public:
  bool skips_sync() const override { return true; }
};

State state_of(Archive& archive) {
  State state;
  std::vector<std::string> files;
  archive.each([&](std::string_view name, const Member& member) {
    if (member.type == MemberType::kDirectory) {
      state.emplace(name, "<directory>");
    } else {
      files.emplace_back(name);
    }
  });
  for (const std::string& name : files) {
    const auto reader = archive.open(name);
    if (!reader) throw Error(EIO, "TEST", name + " cannot be opened");
    std::string content(static_cast<std::size_t>(reader->size_bytes()), '\0');
    reader->read(0, std::as_writable_bytes(std::span(content)));
    state[name] = std::move(content);
  }
  return state;
}

std::string bytes_of(std::mt19937& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// A writer that does one random change after the other, and knows what has to come of them.
class Writer {
 public:
  Writer(std::string path, unsigned seed, std::size_t size_max)
      : path_(std::move(path)), random_(seed), size_max_(size_max) {
    reopen();
    states.push_back(state_of(*archive_));
  }

  std::vector<State> states;  // after each change; while one goes on, the last is what it will make

  // `returned` is told the number of a change that has returned.
  void step(const std::function<void(int)>& returned) {
    State next = states.back();
    const unsigned kind = random_() % 16;
    if (kind == 0) {
      reopen();
      return;
    }
    if (kind == 1) {
      // Undone by its writer: nothing has changed.
      Transaction transaction(*archive_);
      for (int i = 0; i < 3; ++i) change(next, false);
      return;
    }
    if (kind == 2 && !is_starpack_) {
      // Shrinks the file.
      execute(archive_->database(), "VACUUM", path_, kWriting);
      return;
    }
    if (kind < 5) {
      Transaction transaction(*archive_);
      for (int i = 0; i < 4; ++i) change(next, false);
      states.push_back(next);
      transaction.commit();
    } else {
      change(next, true);
    }
    returned(static_cast<int>(states.size()) - 1);
  }

  void close() {
    editor_.reset();
    archive_.reset();
  }

 private:
  void reopen() {
    close();
    archive_ = Archive::open_file(path_, Access::kWrite);
    editor_ = std::make_unique<Editor>(archive_);
    char magic[4] = {};
    is_starpack_ = read_at(open_regular(path_), magic, 4, 0, path_) == 4 && is_elf({magic, 4});
    sqlite3_limit(archive_->database(), SQLITE_LIMIT_ATTACHED, 10);  // for VACUUM
    // With a small cache pages go to the file in the middle of a transaction.
    if (random_() % 2 == 0) execute(archive_->database(), "PRAGMA cache_size=10", path_, kWriting);
  }

  std::string some_name() { return "f" + std::to_string(random_() % 8); }

  void change(State& state, bool alone) {
    const auto foretell = [&] {
      if (alone) states.push_back(state);
    };
    const std::string name = some_name();
    const std::string other = some_name();
    switch (random_() % 8) {
      case 0:
        if (state.erase(name) != 0) {
          foretell();
          return editor_->remove_file(name, 1);
        }
        break;
      case 1:
        if (state.contains(name) && name != other) {
          state[other] = std::move(state[name]);
          state.erase(name);
          foretell();
          return editor_->rename(name, other, 1);
        }
        break;
      case 2: {
        const std::string directory = "d" + std::to_string(random_() % 4);
        if (state.contains(directory)) {
          state.erase(directory);
          foretell();
          return editor_->remove_directory(directory, false, 1);
        }
        state[directory] = "<directory>";
        foretell();
        return editor_->make_directory(directory, 0755, 1);
      }
      default: break;
    }
    // Mostly small; now and then so large that the file has to grow.
    const std::size_t limit = random_() % 6 == 0 ? size_max_ : size_max_ / 40;
    const std::string content = bytes_of(random_, random_() % limit);
    state[name] = content;
    foretell();
    WorkingFile working(nullptr, [] { return Fd(); });
    working.write(0, as_bytes(content));
    editor_->put_file(name, 0644, 1, working);
  }

  std::string path_;
  std::mt19937 random_;
  std::size_t size_max_;
  bool is_starpack_ = false;
  std::shared_ptr<Archive> archive_;
  std::unique_ptr<Editor> editor_;
};

void lay_out(const std::string& directory, const Files& files) {
  for (const std::string& name : host_names(directory)) REQUIRE(::unlink((directory + "/" + name).c_str()) == 0);
  for (const auto& [name, content] : files) write_host_file(directory + "/" + name, content);
}

// What is wrong with the archive that was left at `path`, where it may be in one of two states; "" when nothing is.
std::string fault_of(const std::string& path, const std::vector<State>& states, int returned) {
  try {
    const auto archive = Archive::open_file(path, Access::kWrite);
    const Statement check = prepare(archive->database(), "PRAGMA integrity_check", path);
    if (sqlite3_step(check.get()) != SQLITE_ROW) return "no integrity_check";
    if (const auto answer = column_text(check.get(), 0); answer != "ok") return "integrity_check: " + std::string(answer);
    sqlite3_reset(check.get());
    const State found = state_of(*archive);
    const auto last = static_cast<std::size_t>(returned);
    if (found == states[last] || (last + 1 < states.size() && found == states[last + 1])) return "";
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (found == states[i]) return "state " + std::to_string(i) + " where " + std::to_string(last) + " had returned";
    }
    return "a state that never was (" + std::to_string(last) + " had returned)";
  } catch (const Error& error) {
    return error.text();
  }
}

// The same by the sqlite3 shell: names and sizes.
std::string shell_fault_of(const std::string& directory, const std::string& name, const std::vector<State>& states,
                           int returned) {
  const std::string found =
      run(directory, "sqlite3 --append " + name + " \"PRAGMA integrity_check; SELECT name, sz FROM sqlar ORDER BY name\"");
  for (const int i : {returned, returned + 1}) {
    if (static_cast<std::size_t>(i) >= states.size()) break;
    std::string expected = "ok\n";
    for (const auto& [member, content] : states[static_cast<std::size_t>(i)]) {
      expected += member + "|" + std::to_string(content == "<directory>" ? 0 : content.size()) + "\n";
    }
    if (found == expected) return "";
  }
  return "the shell finds:\n" + found;
}

void make_kit(const std::string& path) {
  write_host_file(path, kit_bytes({new_file("f0", noise(3000)), new_file("f1", "x"), new_directory("d0")}));
}

void make_starpack(const std::string& path) {
  const Scratch scratch;
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  NewArchive archive;
  archive.program_path = scratch / "elf";
  archive.page_size_bytes = 512;
  archive.members = {new_file("f0", noise(3000)), new_file("f1", "x"), new_directory("d0")};
  write_archive(path, archive);
}

// Writes `steps` random changes, and looks at `images` of what a power failure may leave, from first to last event.
void fail_power(unsigned seed, const std::function<void(const std::string&)>& make, int steps, std::size_t images,
                std::size_t size_max, bool asks_shell) {
  INFO("STARLIT_SEED=" << seed);
  const Scratch scratch;
  const std::string directory = scratch / "live";
  const std::string left = scratch / "left";
  REQUIRE(::mkdir(directory.c_str(), 0755) == 0);
  REQUIRE(::mkdir(left.c_str(), 0755) == 0);
  make(directory + "/app");

  DiskLog log(directory);
  std::vector<State> states;
  {
    Writer writer(directory + "/app", seed, size_max);
    log.note(0);
    for (int i = 0; i < steps; ++i) writer.step([&](int number) { log.note(number); });
    writer.close();
    states = std::move(writer.states);
  }

  const NoSync watch;
  std::mt19937 random(seed);
  int count = 0;
  Disk disk(log);
  const std::size_t events = log.events().size();
  for (std::size_t event = 0; disk.advance(); ++event) {
    if (disk.noted() < 0) continue;
    const std::size_t until = (event + 1) * images / events;
    for (std::size_t i = event * images / events; i < until; ++i) {
      const Files image = disk.image(random);
      lay_out(left, image);
      const bool is_starpack = is_elf(image.at("app").substr(0, 4));
      ++count;
      std::string fault;
      if (asks_shell && count % 100 == 0) {
        fault = shell_fault_of(left, "app", states, disk.noted());
        lay_out(left, image);
      }
      if (fault.empty() && count % 4 == 0 && !is_starpack) {
        // The power goes once more, while that is being undone.
        DiskLog again(left);
        fault = fault_of(left + "/app", states, disk.noted());
        Disk second(again);
        for (std::size_t stop = random() % (again.events().size() + 1); stop > 0; --stop) second.advance();
        lay_out(left, second.image(random));
      }
      if (fault.empty()) fault = fault_of(left + "/app", states, disk.noted());
      if (!fault.empty()) {
        std::string files;
        for (const auto& [name, content] : image) files += " " + name + ":" + std::to_string(content.size());
        FAIL("after event " << event << " of " << events << ", image " << count << " (" << files
                            << "): " << fault);
      }
    }
  }
  CHECK(static_cast<std::size_t>(count) > images / 2);
}

// A process that changes the archive until it is killed, and writes the number of each change that has returned to a
// pipe.
struct Victim {
  pid_t process = -1;
  Fd numbers;
};

Victim start_victim(const std::string& path, unsigned seed, std::size_t size_max) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t process = ::fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    ::close(ends[0]);
    try {
      Writer writer(path, seed, size_max);
      const auto tell = [&](int number) {
        if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(2);
      };
      tell(0);
      for (int i = 0; i < 100'000; ++i) writer.step(tell);
    } catch (const Error& error) {
      const int none = -1;
      static_cast<void>(::write(ends[1], &none, sizeof none));
      static_cast<void>(::write(ends[1], error.text().data(), error.text().size()));
      ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  return {process, Fd(ends[0])};
}

// The changes that a victim of that seed makes, by making them once more on a copy.
std::vector<State> states_of_victim(const std::string& path, unsigned seed, std::size_t size_max, int returned) {
  const NoSync watch;
  Writer writer(path, seed, size_max);
  while (static_cast<int>(writer.states.size()) < returned + 2) writer.step([](int) {});
  writer.close();
  return std::move(writer.states);
}

void kill_writers(unsigned seed, const std::function<void(const std::string&)>& make, unsigned kills,
                  std::size_t size_max) {
  std::mt19937 random(seed);
  const Scratch scratch;
  const std::string directory = scratch / "live";
  const std::string again = scratch / "again";
  REQUIRE(::mkdir(directory.c_str(), 0755) == 0);
  REQUIRE(::mkdir(again.c_str(), 0755) == 0);
  make(scratch / "first");
  const std::string first = read_host_file(scratch / "first");
  int changes = 0;
  for (unsigned i = 0; i < kills; ++i) {
    const auto victim_seed = static_cast<unsigned>(random());
    INFO("STARLIT_SEED=" << seed << ", kill " << i);
    lay_out(directory, {{"app", first}});
    Victim victim = start_victim(directory + "/app", victim_seed, size_max);
    // Some while they open it, most a moment after some change has returned, however slow the machine is.
    int returned = 0, number = 0;
    for (unsigned left = random() % 4; left > 0; --left) {
      REQUIRE(::read(victim.numbers.get(), &number, sizeof number) == sizeof number);
      REQUIRE(number >= 0);
      returned = number;
    }
    ::usleep(static_cast<useconds_t>(random() % 20'000));
    ::kill(victim.process, SIGKILL);
    int status;
    REQUIRE(::waitpid(victim.process, &status, 0) == victim.process);
    while (::read(victim.numbers.get(), &number, sizeof number) == sizeof number && number >= 0) returned = number;
    REQUIRE(number >= 0);
    REQUIRE(WIFSIGNALED(status));
    changes += returned;
    lay_out(again, {{"app", first}});
    const std::vector<State> states = states_of_victim(again + "/app", victim_seed, size_max, returned);
    const NoSync watch;
    const std::string fault = fault_of(directory + "/app", states, returned);
    if (!fault.empty()) FAIL("kill " << i << " after " << returned << " changes: " << fault);
  }
  // That they were killed in the middle of something.
  CHECK(changes > static_cast<int>(kills) / 10);
}

unsigned seed() { return number_from("STARLIT_SEED", 20240601); }

// Rounds with as many images of each as these, the last of them with fewer: so many percent of them in all.
void for_each_round(unsigned rounds, unsigned images, const std::function<void(unsigned, unsigned)>& run) {
  unsigned left = rounds * images * percent() / 100;
  REQUIRE(left > 0);
  for (unsigned round = 0; left > 0; ++round) {
    const unsigned now = std::min(left, images);
    run(round, now);
    left -= now;
  }
}

}  // namespace

TEST_CASE("a power failure at any moment leaves a kit with all that was committed") {
  for_each_round(3, 1500, [](unsigned i, unsigned images) {
    fail_power(seed() + i, make_kit, 40, images, 20'000, true);
  });
}

TEST_CASE("a power failure while a kit grows and shrinks leaves it with all that was committed") {
  for_each_round(2, 500, [](unsigned i, unsigned images) {
    fail_power(seed() + 1000 + i, make_kit, 30, images, 400'000, false);
  });
}

TEST_CASE("a power failure leaves a plain archive with all that was committed") {
  const auto make_plain = [](const std::string& path) { write_host_file(path, plain_bytes({new_file("f0", "x")})); };
  for_each_round(2, 1000, [&](unsigned i, unsigned images) {
    fail_power(seed() + 2000 + i, make_plain, 40, images, 20'000, false);
  });
}

TEST_CASE("a power failure leaves an executable, the old or the new one") {
  for_each_round(4, 250, [](unsigned i, unsigned images) {
    fail_power(seed() + 3000 + i, make_starpack, 30, images, 20'000, true);
  });
}

TEST_CASE("SIGKILL at any moment leaves a kit with all that was committed") {
  kill_writers(seed(), make_kit, 10 * percent(), 20'000);
}

TEST_CASE("SIGKILL while a kit grows leaves it with all that was committed") {
  kill_writers(seed() + 1, make_kit, 2 * percent(), 1'000'000);
}

TEST_CASE("SIGKILL leaves an executable, the old or the new one") {
  kill_writers(seed() + 2, make_starpack, 3 * percent(), 20'000);
}
