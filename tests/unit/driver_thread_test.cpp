// SPDX-License-Identifier: MIT
//
// Tcl's own threads: an archive that one thread mounts is there in all, each writes to it, and each can end.
//
// STARLIT_SECONDS / 4 is for how long (60 / 4). Threads end by returning from their procedure after
// Tcl_FinalizeThread(): Tcl_ExitThread(), which is that and pthread_exit(), leaves frames that AddressSanitizer takes for
// being in use.

#include "driver/driver.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <mutex>

#include "driver/commands.h"
#include "support.h"

using namespace starlit;

namespace {

// What the threads have in common.
struct Shared {
  std::mutex mutex;
  std::vector<std::string> faults;
  std::atomic<int> rounds = 0;
  int duration_ms = 15'000;
};

struct Start {
  Shared* shared;
  int number;
};

// An interpreter has no library here and needs none: [open], [file] and [glob] are built in.
std::string evaluate(Tcl_Interp* interp, const std::string& script) {
  const int code = Tcl_EvalEx(interp, script.data(), static_cast<int>(script.size()), TCL_EVAL_GLOBAL);
  const std::string result = Tcl_GetStringResult(interp);
  return code == TCL_OK ? result : "error: " + result;
}

constexpr const char* kRound = R"tcl(
  set dir /kit/t$number
  file mkdir $dir
  set name $dir/[incr round]
  set content [string repeat "$number $round " [expr {$round % 500}]]
  set f [open $name w]
  fconfigure $f -translation binary
  puts -nonewline $f $content
  close $f
  set f [open /kit/log a]
  puts $f "$number $round"
  close $f
  set f [open $name]
  fconfigure $f -translation binary
  if {[read $f] ne $content} {error "read something else"}
  close $f
  if {[file size $name] != [string length $content]} {error "size"}
  if {[llength [glob $dir/*]] != $round} {error "glob"}
  set round
)tcl";

Tcl_ThreadCreateType run_thread(ClientData data) {
  const Start start = *static_cast<Start*>(data);
  Tcl_Interp* interp = Tcl_CreateInterp();
  evaluate(interp, "set number " + std::to_string(start.number) + "; set round 0");
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(start.shared->duration_ms);
  int round = 0;
  do {
    const std::string result = evaluate(interp, kRound);
    if (result != std::to_string(++round)) {
      const std::lock_guard lock(start.shared->mutex);
      start.shared->faults.push_back(std::to_string(start.number) + ": " + result);
      break;
    }
  } while (std::chrono::steady_clock::now() < end);
  start.shared->rounds += round;
  // One thread leaves a channel open: that ends with the thread.
  if (start.number == 0) evaluate(interp, "set f [open /kit/left w]; puts $f left; flush $f");
  Tcl_DeleteInterp(interp);
  Tcl_FinalizeThread();
  TCL_THREAD_CREATE_RETURN;
}

}  // namespace

// The first of this process to mount anything, so that the driver is registered here.
TEST_CASE("threads that mount at the same time, the first of all, find all of their mounts") {
  Tcl_FindExecutable(nullptr);
  constexpr int kThreads = 8;
  static std::barrier start(kThreads);
  static const std::string kit = kit_bytes({new_file("a", "x")});
  const auto mounts = [](ClientData number) -> Tcl_ThreadCreateType {
    auto archive = open_kit(kit);
    start.arrive_and_wait();
    mount_archive("/first" + std::to_string(reinterpret_cast<std::intptr_t>(number)), std::move(archive), 0);
    Tcl_FinalizeThread();
    TCL_THREAD_CREATE_RETURN;
  };
  Tcl_ThreadId threads[kThreads];
  for (std::intptr_t i = 0; i < kThreads; ++i) {
    REQUIRE(Tcl_CreateThread(&threads[i], mounts, reinterpret_cast<ClientData>(i), TCL_THREAD_STACK_DEFAULT,
                             TCL_THREAD_JOINABLE) == TCL_OK);
  }
  for (const Tcl_ThreadId thread : threads) {
    int result;
    REQUIRE(Tcl_JoinThread(thread, &result) == TCL_OK);
  }
  CHECK(mount_table()->all().size() == kThreads);
  for (const auto& mount : mount_table()->all()) unmount_archive(mount->point);
}

TEST_CASE("an archive that one thread mounts is used by all of Tcl's threads") {
  Tcl_FindExecutable(nullptr);
  Shared shared;
  if (const char* seconds = std::getenv("STARLIT_SECONDS")) shared.duration_ms = std::atoi(seconds) * 250;
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit_bytes({new_file("a", "x")}));
  mount_archive("/kit", Archive::open_file(scratch / "a.kit", Access::kWrite), 0);
  constexpr int kThreads = 6;
  Start starts[kThreads];
  Tcl_ThreadId threads[kThreads];
  for (int i = 0; i < kThreads; ++i) {
    starts[i] = {&shared, i};
    REQUIRE(Tcl_CreateThread(&threads[i], run_thread, &starts[i], TCL_THREAD_STACK_DEFAULT, TCL_THREAD_JOINABLE) ==
            TCL_OK);
  }
  for (const Tcl_ThreadId thread : threads) {
    int result;
    REQUIRE(Tcl_JoinThread(thread, &result) == TCL_OK);
    CHECK(result == 0);
  }
  for (const std::string& fault : shared.faults) FAIL_CHECK(fault);
  CHECK(shared.rounds >= kThreads);

  // This thread finds what they have written.
  Tcl_Interp* interp = Tcl_CreateInterp();
  CHECK(evaluate(interp, "llength [glob /kit/t*/*]") == std::to_string(shared.rounds));
  CHECK(evaluate(interp, "set f [open /kit/log]; set lines [split [read -nonewline $f] \\n]; close $f; "
                         "expr {[llength $lines] == [llength [lsort -unique $lines]] ? [llength $lines] : \"twice\"}") ==
        std::to_string(shared.rounds));
  Tcl_DeleteInterp(interp);
  mount_table()->leave();
  // No thread that has ended keeps a file open.
  unmount_archive("/kit");
  CHECK(mount_table()->all().empty());
  CHECK(host_names(scratch.path()) == Names{"a.kit"});
}

TEST_CASE("a thread that begins after all others have ended finds the mount") {
  Tcl_FindExecutable(nullptr);
  const Scratch scratch;
  write_host_file(scratch / "a.kit", kit_bytes({new_file("a", "x")}));
  mount_archive("/late", Archive::open_file(scratch / "a.kit", Access::kWrite), 0);
  static std::string answer;
  const auto reads = [](ClientData) -> Tcl_ThreadCreateType {
    Tcl_Interp* interp = Tcl_CreateInterp();
    answer = evaluate(interp, "set f [open /late/a r+]; set x [read $f]; puts -nonewline $f y; close $f; set x");
    Tcl_DeleteInterp(interp);
    Tcl_FinalizeThread();
    TCL_THREAD_CREATE_RETURN;
  };
  for (const char* expected : {"x", "xy", "xyy"}) {
    Tcl_ThreadId thread;
    REQUIRE(Tcl_CreateThread(&thread, reads, nullptr, TCL_THREAD_STACK_DEFAULT, TCL_THREAD_JOINABLE) == TCL_OK);
    int result;
    REQUIRE(Tcl_JoinThread(thread, &result) == TCL_OK);
    CHECK(answer == expected);
  }
  unmount_archive("/late");
}
