// SPDX-License-Identifier: MIT

#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/handle.h"
#include "jail/plan.h"
#include "jail/privileges.h"

namespace starlit::jail {
namespace {

constexpr int kForwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
constexpr int kSignalBase = 128;

void say(const std::string& text) { std::fprintf(stderr, "safekit: %s\n", text.c_str()); }

// What the caller ignores, as nohup(1) does SIGHUP, stays ignored: sigtimedwait(2) would return it nevertheless where
// it is blocked.
bool is_ignored(int number) {
  struct sigaction action;
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t waited_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  for (const int number : kForwarded) {
    if (!is_ignored(number)) ::sigaddset(&set, number);
  }
  return set;
}

std::int64_t now_ms() {
  struct timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
}

void tell_denials(const Options& options, const Report& report) {
  const unsigned kinds = report.kinds.load();
  if (options.action == Action::kLearn) {
    std::vector<std::uint64_t> needs;
    for (const auto& need : report.needs) {
      if (need != 0) needs.push_back(need);
    }
    const Promises least = least_promises(needs, report.lacking.load(), kDefaultPromises);
    const std::string promises = promise_list(least & ~kDefaultPromises, ",");
    say(promises.empty() ? "learned: it needs no more than `stdio rpath`" : "learned: --allow " + promises);
    if ((least & kExec) != 0) say("learned: what the programs need that it ran could not be seen");
    if (report.hopeless.load() > 0) {
      say("learned: " + std::to_string(report.hopeless.load()) + " of its system calls are allowed by no promise");
    }
    return;
  }
  if (kinds == 0 || options.is_quiet) return;
  const Promises left_out = report.lacking.load() & report.left_out.load();
  const std::string promises = promise_list(report.lacking.load() & ~left_out, ",");
  const std::string own = promise_list(left_out, ",");
  say(std::to_string(kinds) + (kinds == 1 ? " kind" : " kinds") + " of action " + (kinds == 1 ? "was" : "were") +
      " denied" + (promises.empty() ? "" : " (to allow: --allow " + promises + ")") +
      (own.empty() ? "" : " (its own safekit.promises leaves out " + own + ")"));
}

// The status of a child as a shell would have it.
int status_of(int status) { return WIFSIGNALED(status) ? kSignalBase + WTERMSIG(status) : WEXITSTATUS(status); }

// Without a pid namespace the kernel does not end with a program what it has started. Those that have lost their
// parent are the supervisor's children: PR_SET_CHILD_SUBREAPER in prctl(2).
void end_others(const Fd& proc) {
  const std::string own = std::to_string(::getpid());
  const std::string path = own + "/task/" + own + "/children";
  for (;;) {
    pid_t ended;
    while ((ended = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (ended < 0) return;
    std::FILE* list = ::fdopen(::openat(proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC), "r");
    int other = 0;
    bool is_any = false;
    while (list != nullptr && std::fscanf(list, "%d", &other) == 1) is_any = ::kill(other, SIGKILL) == 0 || is_any;
    if (list != nullptr) std::fclose(list);
    if (!is_any) return say("processes that it started may run on: they could not be found in /proc");
    ::waitpid(-1, nullptr, 0);
  }
}

[[noreturn]] void supervise(pid_t child, const Options& options, const Report* report, bool has_init,
                            const Fd& proc) {
  const sigset_t signals = waited_signals();
  const std::int64_t end_ms =
      options.limits.time_s ? now_ms() + static_cast<std::int64_t>(*options.limits.time_s) * 1000 : INT64_MAX;
  bool is_time_over = false;
  int asked_to_end = 0;  // by this signal
  int status = 0;
  struct rusage usage {};
  for (;;) {
    pid_t ended;
    while ((ended = ::wait4(-1, &status, WNOHANG, &usage)) > 0 && ended != child) {
    }
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) ::_exit(kExitJail);
    const std::int64_t left = std::max<std::int64_t>(end_ms - now_ms(), 0);
    if (left == 0) {
      is_time_over = true;
      ::kill(child, SIGKILL);
    }
    const std::int64_t pause = is_time_over ? 1000 : std::min<std::int64_t>(left, 3'600'000);
    const struct timespec timeout = {static_cast<time_t>(pause / 1000), static_cast<long>(pause % 1000) * 1'000'000};
    const int number = ::sigtimedwait(&signals, nullptr, &timeout);
    if (number <= 0 || number == SIGCHLD) continue;
    // Process 1 of a pid namespace ignores signals that it does not handle: pid_namespaces(7).
    const bool is_process_1 = !has_init && (options.without & kPidLayer) == 0 && options.mode == Mode::kNamespaces;
    ::kill(child, is_process_1 ? SIGKILL : number);
    if (is_process_1) asked_to_end = number;
  }
  // As if it had ended by the signal that it was sent.
  if (asked_to_end != 0 && !is_time_over && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) status = asked_to_end;
  const std::int64_t used_s = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec;
  if (is_time_over) {
    say("ended: it ran for " + std::to_string(*options.limits.time_s) + " s (--limit-time)");
  } else if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU) &&
             options.limits.cpu_s && used_s + 1 >= static_cast<std::int64_t>(*options.limits.cpu_s)) {
    say("ended: it used " + std::to_string(*options.limits.cpu_s) + " s of processor time (--limit-cpu)");
  } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
    say("ended: it made a system call that kills (--on-denial kill, or one of another architecture)");
  }
  if ((options.without & kPidLayer) != 0) end_others(proc);
  if (options.root.is_temporary) ::rmdir(options.root.directory.c_str());
  if (report != nullptr) tell_denials(options, *report);
  ::_exit(status_of(status));
}

// Process 1: signals go to the program, whoever else ends is buried.
[[noreturn]] void run_init(pid_t child) {
  const sigset_t signals = waited_signals();
  for (;;) {
    int status = 0;
    pid_t ended;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended == child) ::_exit(status_of(status));
    }
    const int number = ::sigwaitinfo(&signals, nullptr);
    if (number > 0 && number != SIGCHLD) ::kill(child, number);
  }
}

// A process that waits for the one that is locked in has namespaces of its own now, and rights in them; it needs none.
void give_up_rights(bool drops_capabilities) {
  try {
    if (drops_capabilities) drop_capabilities();
    forbid_new_privileges();
  } catch (const Error& error) {
    throw Error(error.posix(), error.code(), "couldn't set up the jail: no rights for who waits: " + error.text());
  }
}

void fail_fork() { throw posix_error("couldn't start", "the process to be locked in"); }

}  // namespace

Fd start_supervised(const Options& options, const Report* report, bool has_init) {
  // Where the caller ignores it, a child leaves no status: wait(2).
  if (::signal(SIGCHLD, SIG_DFL) == SIG_ERR) throw posix_error("couldn't reset", "SIGCHLD");
  if ((options.without & kPidLayer) != 0 && ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    throw posix_error("couldn't become", "the parent of what is left behind");
  }
  sigset_t before;
  const sigset_t signals = waited_signals();
  ::sigprocmask(SIG_BLOCK, &signals, &before);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw posix_error("couldn't make", "a pipe");
  Fd alive(ends[0]);
  Fd mine(ends[1]);
  // Of the host: where the program has a new root, the supervisor is in it too.
  Fd proc((options.without & kPidLayer) != 0 ? ::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) fail_fork();
  if (child > 0) {
    alive = Fd();
    try {
      // Without a user namespace of its own it is root still, who has to end the program of another user.
      give_up_rights((options.without & (kUserLayer | kCapabilitiesLayer)) == 0);
    } catch (const Error& error) {
      say(error.text());
      ::kill(child, SIGKILL);
      ::_exit(kExitJail);
    }
    supervise(child, options, report, has_init, proc);
  }
  mine = Fd();
  proc = Fd();
  die_with_supervisor(alive);
  if (!has_init) ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return alive;
}

void die_with_supervisor(const Fd& alive) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) throw posix_error("couldn't bind to", "the supervisor");
  // Has it ended already? Its end of the pipe would have been closed.
  struct pollfd supervisor = {alive.get(), 0, 0};
  if (::poll(&supervisor, 1, 0) != 0) ::_exit(kExitJail);
}

void start_init() {
  const pid_t program = ::fork();
  if (program < 0) fail_fork();
  if (program > 0) {
    give_up_rights(true);
    run_init(program);
  }
  const sigset_t signals = waited_signals();
  ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace starlit::jail
