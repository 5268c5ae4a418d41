// SPDX-License-Identifier: MIT
//
// Many at work on one archive: processes, and the threads of one process through a mount. Every file that was written is
// there at the end, every line of the shared log is there once, and nobody ever reads a part of a file.
//
// STARLIT_SECONDS says for how long (60).

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "archive/session.h"
#include "driver/driver.h"
#include "fake_elf.h"
#include "support.h"

using namespace starlit;

namespace {

using Clock = std::chrono::steady_clock;

std::chrono::milliseconds duration() {
  const char* seconds = std::getenv("STARLIT_SECONDS");
  return std::chrono::milliseconds(seconds == nullptr ? 60'000 : std::atol(seconds) * 1000);
}

// A content that tells whether all of it is there: its length and a sum in front of it.
std::string sealed(unsigned number) {
  const std::size_t size = number % 7 == 0 ? 40'000 + number % 1000 : number * 37 % 3000;
  std::string content(size, '\0');
  unsigned sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    content[i] = static_cast<char>((number + i) * 2654435761u >> 24);
    sum = sum * 31 + static_cast<unsigned char>(content[i]);
  }
  return std::to_string(size) + " " + std::to_string(sum) + "\n" + content;
}

bool is_whole(const std::string& content) {
  std::istringstream head(content);
  std::size_t size = 0;
  unsigned stated = 0, sum = 0;
  head >> size >> stated;
  const auto line = content.find('\n');
  if (line == std::string::npos || content.size() - line - 1 != size) return false;
  for (std::size_t i = line + 1; i < content.size(); ++i) sum = sum * 31 + static_cast<unsigned char>(content[i]);
  return sum == stated;
}

void write(Session& session, const std::string& name, const std::string& content, int flags) {
  const auto file = session.open(name, flags, 0644);
  if ((flags & O_APPEND) != 0) {
    file->append(as_bytes(content));
  } else {
    file->write(0, as_bytes(content));
  }
  file->close_writer();
}

std::string read(Session& session, const std::string& name) {
  const auto file = session.open(name, O_RDONLY, 0);
  std::string content(static_cast<std::size_t>(file->size_bytes()), '\0');
  content.resize(file->read(0, std::as_writable_bytes(std::span(content))));
  return content;
}

// One worker's share: files of its own, one that all replace, lines in a log, and reading what others write.
// Returns how many rounds it made; throws Error for anything that is not as it should be.
unsigned work(const std::function<std::shared_ptr<Session>()>& session_of, unsigned worker, Clock::time_point end) {
  const std::string own = "w" + std::to_string(worker);
  session_of()->make_directory(own, 0755);
  unsigned round = 0;
  for (; Clock::now() < end; ++round) {
    const auto session = session_of();
    write(*session, own + "/" + std::to_string(round), sealed(worker * 1000 + round), O_WRONLY | O_CREAT | O_TRUNC);
    write(*session, "log", own + " " + std::to_string(round) + "\n", O_WRONLY | O_CREAT | O_APPEND);
    write(*session, "shared", sealed(worker * 7777 + round), O_WRONLY | O_CREAT | O_TRUNC);
    if (!is_whole(read(*session, "shared"))) throw Error(EIO, "TEST", "a part of \"shared\" was read");
    const std::string other = "w" + std::to_string((worker + round) % 8) + "/" + std::to_string(round / 2);
    if (session->find(other) && !is_whole(read(*session, other))) throw Error(EIO, "TEST", "a part of " + other + " was read");
  }
  return round;
}

void make_kit(const std::string& path) {
  write_host_file(path, kit_bytes({new_file("shared", sealed(1))}));
}

void check_all_is_there(const std::string& path, const std::map<unsigned, unsigned>& rounds) {
  const auto archive = Archive::open_file(path);
  const Statement check = prepare(archive->database(), "PRAGMA integrity_check", path);
  REQUIRE(sqlite3_step(check.get()) == SQLITE_ROW);
  CHECK(column_text(check.get(), 0) == "ok");
  sqlite3_reset(check.get());
  std::map<std::string, int> lines;
  std::istringstream log(content_of(*archive, "log"));
  for (std::string line; std::getline(log, line);) ++lines[line];
  std::size_t expected = 0;
  for (const auto& [worker, count] : rounds) {
    const std::string own = "w" + std::to_string(worker);
    REQUIRE(count > 0);
    for (unsigned round = 0; round < count; ++round) {
      INFO(own << " " << round);
      REQUIRE((content_of(*archive, own + "/" + std::to_string(round)) == sealed(worker * 1000 + round)));
      REQUIRE(lines[own + " " + std::to_string(round)] == 1);
    }
    CHECK(archive->child_names(own).size() == count);
    expected += count;
  }
  CHECK(lines.size() == expected);
  WARN("rounds of all workers: " << expected);
}

void run_processes(const std::string& path, unsigned count, std::chrono::milliseconds duration) {
  const auto end = Clock::now() + duration;
  std::map<unsigned, std::pair<pid_t, Fd>> workers;
  for (unsigned worker = 0; worker < count; ++worker) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const pid_t process = ::fork();
    REQUIRE(process >= 0);
    if (process == 0) {
      try {
        const auto session = std::make_shared<Session>(Archive::open_file(path, Access::kWrite));
        const unsigned rounds = work([&] {
          session->archive().renew();
          return session;
        }, worker, end);
        ::_exit(::write(ends[1], &rounds, sizeof rounds) == sizeof rounds ? 0 : 3);
      } catch (const Error& error) {
        static_cast<void>(::write(2, (error.text() + "\n").data(), error.text().size() + 1));
        ::_exit(1);
      }
    }
    ::close(ends[1]);
    workers[worker] = {process, Fd(ends[0])};
  }
  std::map<unsigned, unsigned> rounds;
  for (auto& [worker, process] : workers) {
    int status;
    REQUIRE(::waitpid(process.first, &status, 0) == process.first);
    INFO("worker " << worker);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    REQUIRE(::read(process.second.get(), &rounds[worker], sizeof(unsigned)) == sizeof(unsigned));
  }
  check_all_is_there(path, rounds);
}

void run_threads(MountTable& table, const std::string& path, unsigned count) {
  const auto end = Clock::now() + duration();
  std::mutex mutex;
  std::map<unsigned, unsigned> rounds;
  std::vector<std::string> faults;
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < count; ++worker) {
    threads.emplace_back([&, worker] {
      try {
        const unsigned made = work([&] { return table.find("/kit/x")->mount->session(); }, worker, end);
        const std::lock_guard lock(mutex);
        rounds[worker] = made;
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        faults.emplace_back(error.what());
      }
      table.leave();
      Tcl_FinalizeThread();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(faults.empty());
  for (const std::string& fault : faults) UNSCOPED_INFO(fault);
  REQUIRE(rounds.size() == count);
  check_all_is_there(path, rounds);
}

}  // namespace

TEST_CASE("eight processes write one kit and lose nothing") {
  const Scratch scratch;
  make_kit(scratch / "a.kit");
  run_processes(scratch / "a.kit", 8, duration());
}

TEST_CASE("eight threads write one mounted kit and lose nothing") {
  const Scratch scratch;
  make_kit(scratch / "a.kit");
  Tcl_FindExecutable(nullptr);  // Tcl sets up its own thread data
  MountTable table;
  table.add("/kit", Archive::open_file(scratch / "a.kit", Access::kWrite), 0, "sqlar");
  run_threads(table, scratch / "a.kit", 8);
  // All threads have left; the next one finds the mount as it was.
  CHECK(table.find("/kit")->mount->session()->find("shared"));
}

TEST_CASE("processes write one executable and lose nothing") {
  const Scratch scratch;
  write_host_file(scratch / "elf", fake_elf({Note::kOther}, 5000));
  NewArchive archive;
  archive.program_path = scratch / "elf";
  archive.members = {new_file("shared", sealed(1))};
  write_archive(scratch / "app", archive);
  run_processes(scratch / "app", 4, duration() / 4);
  for (const std::string& name : host_names(scratch.path())) CHECK((name == "app" || name == "elf"));
}

TEST_CASE("threads that only read share a mounted archive") {
  const std::string kit = kit_bytes({new_file("a", sealed(7)), new_file("big", noise(6'000'000)), new_file("d/x", sealed(3))});
  Tcl_FindExecutable(nullptr);  // Tcl sets up its own thread data
  MountTable table;
  table.add("/kit", open_kit(kit), 0, "sqlar");
  std::atomic<int> faults = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const auto session = table.find("/kit/a")->mount->session();
        if (!is_whole(read(*session, "a")) || !is_whole(read(*session, "d/x"))) ++faults;
        if (round % 10 == 0 && read(*session, "big") != noise(6'000'000)) ++faults;
        if (session->child_names("").size() != 3) ++faults;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(faults == 0);
}

TEST_CASE("a mount whose file was replaced still lets its threads end") {
  const Scratch scratch;
  make_kit(scratch / "a.kit");
  Tcl_FindExecutable(nullptr);  // Tcl sets up its own thread data
  MountTable table;
  table.add("/kit", Archive::open_file(scratch / "a.kit", Access::kWrite), 0, "sqlar");
  std::thread([&] {
    CHECK(table.find("/kit")->mount->session()->find("shared"));
    make_kit(scratch / "b.kit");
    REQUIRE(::rename((scratch / "b.kit").c_str(), (scratch / "a.kit").c_str()) == 0);
    table.leave();
    Tcl_FinalizeThread();
  }).join();
  try {
    table.find("/kit")->mount->session()->find("shared");
  } catch (const Error& error) {
    CHECK(error.posix() == ESTALE);
  }
}

TEST_CASE("a thread that has to wait for the archive of a mount keeps no other thread waiting") {
  const Scratch scratch;
  make_kit(scratch / "a.kit");
  Tcl_FindExecutable(nullptr);  // Tcl sets up its own thread data
  MountTable table;
  table.add("/kit", Archive::open_file(scratch / "a.kit", Access::kWrite), 0, "sqlar");
  const auto session = table.find("/kit")->mount->session();
  Transaction transaction(session->archive());
  // More than SQLite's cache holds: from here to the commit nobody else can read.
  for (int i = 0; i < 8; ++i) write(*session, "f" + std::to_string(i), noise(2'000'000), O_WRONLY | O_CREAT);
  std::string fault = "none";
  std::thread thread([&] {
    try {
      if (!is_whole(read(*table.find("/kit")->mount->session(), "shared"))) fault = "a part was read";
    } catch (const std::exception& error) {
      fault = error.what();
    }
    table.leave();
    Tcl_FinalizeThread();
  });
  ::usleep(300'000);
  const auto begin = Clock::now();
  CHECK(table.find("/kit")->mount->session() == session);
  CHECK(Clock::now() - begin < std::chrono::seconds(2));
  transaction.commit();
  thread.join();
  CHECK(fault == "none");
}
