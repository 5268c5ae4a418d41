// SPDX-License-Identifier: MIT
//
// Taking more than one's share. Their limits are given to the jail by the driver: ways.tcl.

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "attempt.h"

namespace escape {
namespace {

constexpr int kProcesses = 400;
constexpr std::size_t kMemoryBytes = 4UL << 30;
constexpr off_t kFileBytes = 300L << 20;
constexpr int kFiles = 400;
// Well above the limit of one: the kernel counts ticks, and by whole seconds.
constexpr double kProcessorSeconds = 4;
constexpr time_t kSeconds = 2;

// The children live until the pipe's other end is closed.
Outcome many_processes(const Facts&) {
  std::array<int, 2> ends;
  if (pipe(ends.data()) != 0) return failed("pipe");
  int made = 0;
  int error = 0;
  for (; made < kProcesses; ++made) {
    const pid_t pid = fork();
    if (pid == 0) {
      char c = 0;
      close(ends[1]);
      _exit(read(ends[0], &c, 1) < 0 ? 1 : 0);
    }
    if (pid < 0) {
      error = errno;
      break;
    }
  }
  close(ends[1]);
  while (waitpid(-1, nullptr, 0) > 0) continue;
  if (made < kProcesses) return failed("fork after " + std::to_string(made), error);
  return escaped("made " + std::to_string(made) + " processes");
}

// A thread needs no promise. Small stacks, so that the limit of memory is not what stops them.
Outcome many_threads(const Facts&) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  for (int made = 0; made < kProcesses; ++made) {
    pthread_t thread;
    const auto rest = [](void*) -> void* {
      for (;;) pause();
    };
    if (const int error = pthread_create(&thread, &attributes, rest, nullptr); error != 0) {
      return failed("pthread_create after " + std::to_string(made), error);
    }
  }
  return escaped("made " + std::to_string(kProcesses) + " threads");
}

Outcome much_memory(const Facts&) {
  void* memory =
      mmap(nullptr, kMemoryBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? failed("mmap of 4 GiB") : escaped("mapped 4 GiB");
}

Outcome large_file(std::string_view how, int fd) {
  if (fd < 0) return failed(how);
  signal(SIGXFSZ, SIG_IGN);
  return outcome_of(std::string(how) + ", pwrite at 300 MiB", pwrite(fd, "x", 1, kFileBytes));
}

Outcome large_file_made(const Facts& facts) {
  const std::string path = facts.path("/w/large");
  const Outcome outcome = large_file("open(O_CREAT)", open(path.c_str(), O_WRONLY | O_CREAT, 0600));
  unlink(path.c_str());
  return outcome;
}

Outcome large_file_stdin(const Facts&) { return large_file("stdin", 0); }

Outcome many_files(const Facts&) {
  for (int i = 0; i < kFiles; ++i) {
    if (dup(1) < 0) return failed("dup after " + std::to_string(i));
  }
  return escaped("opened " + std::to_string(kFiles) + " descriptors");
}

double processor_seconds() {
  timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

Outcome much_processor(const Facts&) {
  signal(SIGXCPU, SIG_IGN);
  while (processor_seconds() < kProcessorSeconds) continue;
  return escaped("used 4 seconds of the processor");
}

Outcome much_time(const Facts&) {
  timespec rest{.tv_sec = kSeconds, .tv_nsec = 0};
  signal(SIGALRM, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  nanosleep(&rest, nullptr);
  return escaped("slept 2 seconds");
}

Outcome raise_limit(const Facts&) {
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  for (const auto which : {RLIMIT_AS, RLIMIT_CPU, RLIMIT_FSIZE}) {
    if (setrlimit(which, &none) != 0) return failed("setrlimit");
  }
  return escaped("setrlimit: no limits");
}

// The stage sees whether there was a dump, and says REACHED.
Outcome dump(const Facts& facts) {
  if (chdir(facts.path("/w").c_str()) != 0 && chdir("/") != 0) return failed("chdir");
  rlimit limit{};
  getrlimit(RLIMIT_CORE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_CORE, &limit);
  prctl(PR_SET_DUMPABLE, 1);
  std::abort();
}

Outcome raise_core(const Facts&) {
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return failed("getrlimit");
  if (limit.rlim_max == 0) return denied("the hard limit of core dumps is 0");
  limit.rlim_cur = limit.rlim_max;
  return outcome_of("setrlimit(RLIMIT_CORE)", setrlimit(RLIMIT_CORE, &limit));
}

Outcome dumpable(const Facts&) {
  if (prctl(PR_SET_DUMPABLE, 1) != 0) return failed("prctl(PR_SET_DUMPABLE)");
  return prctl(PR_GET_DUMPABLE) == 1 ? escaped("may be dumped") : denied("may not be dumped");
}

constexpr Attempt kAttempts[] = {
    {"processes", "23", "both", "limit=processes", "makes 400 processes", many_processes},
    {"threads", "23", "both", "limit=processes", "makes 400 threads", many_threads},
    {"memory", "23", "both", "", "takes 4 GiB of memory", much_memory},
    {"file-size", "23", "both", "", "makes a file of 300 MiB", large_file_made},
    {"file-size-stdin", "23", "both", "stdin=file", "grows an open file to 300 MiB", large_file_stdin},
    {"files", "23", "both", "", "opens 400 descriptors", many_files},
    {"processor", "23", "both", "fatal limit=cpu", "computes for 4 seconds", much_processor},
    {"time", "23", "both", "fatal refusable limit=time", "stays for 2 seconds", much_time},
    {"limits", "23", "both", "", "lifts its limits", raise_limit},
    {"core-dump", "22", "both", "evidence=reached fatal core", "leaves its memory in a file", dump},
    {"core-limit", "22", "both", "", "allows itself core dumps", raise_core},
    {"core-dumpable", "22", "both", "", "has itself dumped and traced", dumpable},
};

}  // namespace

std::span<const Attempt> limit_attempts() { return kAttempts; }

}  // namespace escape
