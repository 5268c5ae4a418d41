// SPDX-License-Identifier: MIT
//
// Reaching a process outside that has the same user: the victim, which is the partner. It sleeps, holds the token in
// its memory and "/" open, and writes each signal it gets into its journal.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "attempt.h"

namespace escape {
namespace {

pid_t victim(const Facts& facts) { return static_cast<pid_t>(facts.number("victim")); }

std::string process_file(const Facts& facts, std::string_view name) {
  return "/proc/" + facts.text("victim") + "/" + std::string(name);
}

Outcome proc_root(const Facts& facts) {
  const std::string path = process_file(facts, "root") + facts.text("canary");
  return content_of("/proc/PID/root", open(path.c_str(), O_RDONLY));
}

Outcome proc_cwd(const Facts& facts) {
  return content_of("/proc/PID/cwd", open(process_file(facts, "cwd/canary").c_str(), O_RDONLY));
}

Outcome proc_fd(const Facts& facts) {
  const std::string path = process_file(facts, "fd/") + facts.text("directory") + facts.text("canary");
  return content_of("/proc/PID/fd", open(path.c_str(), O_RDONLY));
}

Outcome proc_environ(const Facts& facts) {
  return content_of("/proc/PID/environ", open(process_file(facts, "environ").c_str(), O_RDONLY));
}

Outcome proc_memory(const Facts& facts) {
  const int fd = open(process_file(facts, "mem").c_str(), O_RDONLY);
  if (fd < 0) return failed("/proc/PID/mem");
  lseek(fd, facts.number("secret"), SEEK_SET);
  return content_of("/proc/PID/mem", fd);
}

Outcome proc_list(const Facts& facts) {
  return content_of("/proc/PID/cmdline", open(process_file(facts, "cmdline").c_str(), O_RDONLY));
}

Outcome proc_sys(const Facts&) {
  return outcome_of("open(\"/proc/sys/kernel/core_pattern\", O_WRONLY)",
                    open("/proc/sys/kernel/core_pattern", O_WRONLY));
}

Outcome trace(const Facts& facts) {
  const pid_t pid = victim(facts);
  if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return failed("ptrace(PTRACE_SEIZE)");
  if (ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) return failed("ptrace(PTRACE_INTERRUPT)");
  if (waitpid(pid, nullptr, __WALL) != pid) return failed("waitpid");
  std::string text;
  const unsigned long address = static_cast<unsigned long>(facts.number("secret"));
  for (unsigned long i = 0; i < 64; i += sizeof(long)) {
    const long word = ptrace(PTRACE_PEEKDATA, pid, reinterpret_cast<void*>(address + i), nullptr);
    text.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return escaped("ptrace: " + std::string(text.c_str()));
}

Outcome trace_parent(const Facts&) {
  const pid_t parent = getppid();
  if (ptrace(PTRACE_SEIZE, parent, nullptr, nullptr) != 0) return failed("ptrace(PTRACE_SEIZE, getppid())");
  ptrace(PTRACE_DETACH, parent, nullptr, nullptr);
  return escaped("seized its parent, process " + std::to_string(parent));
}

Outcome read_memory(const Facts& facts) {
  std::array<char, 65> buffer{};
  const iovec to{buffer.data(), 64};
  const iovec from{reinterpret_cast<void*>(facts.number("secret")), 64};
  if (process_vm_readv(victim(facts), &to, 1, &from, 1, 0) < 0) return failed("process_vm_readv");
  return escaped("process_vm_readv: " + std::string(buffer.data()));
}

Outcome write_memory(const Facts& facts) {
  char zero = 0;
  const iovec from{&zero, 1};
  const iovec to{reinterpret_cast<void*>(facts.number("secret") + 255), 1};  // a byte of the buffer that is zero
  return outcome_of("process_vm_writev", process_vm_writev(victim(facts), &from, 1, &to, 1, 0));
}

Outcome steal_descriptor(const Facts& facts) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, victim(facts), 0));
  if (pidfd < 0) return failed("pidfd_open");
  const int directory = static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, facts.number("directory"), 0));
  if (directory < 0) return failed("pidfd_getfd");
  return use_directory("pidfd_getfd", directory, facts);
}

Outcome compare(const Facts& facts) {
  return outcome_of("kcmp", syscall(SYS_kcmp, getpid(), victim(facts), 2 /* KCMP_FILES */, 0, 0));
}

Outcome sent(std::string_view call, long result) {
  return result < 0 ? failed(call) : tried(std::string(call) + " returned 0");
}

Outcome send_kill(const Facts& facts) { return sent("kill", kill(victim(facts), SIGUSR1)); }

Outcome send_tgkill(const Facts& facts) {
  return sent("tgkill", syscall(SYS_tgkill, victim(facts), victim(facts), SIGUSR1));
}

Outcome send_tkill(const Facts& facts) { return sent("tkill", syscall(SYS_tkill, victim(facts), SIGUSR1)); }

Outcome send_queue(const Facts& facts) { return sent("sigqueue", sigqueue(victim(facts), SIGUSR1, sigval{})); }

Outcome send_pidfd(const Facts& facts) {
  const long pidfd = syscall(SYS_pidfd_open, victim(facts), 0);
  if (pidfd < 0) return failed("pidfd_open");
  return sent("pidfd_send_signal", syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, nullptr, 0));
}

Outcome send_owner(const Facts& facts) {
  std::array<int, 2> ends;
  if (pipe(ends.data()) != 0) return failed("pipe");
  if (fcntl(ends[0], F_SETOWN, victim(facts)) != 0) return failed("fcntl(F_SETOWN)");
  if (fcntl(ends[0], F_SETFL, O_ASYNC) != 0) return failed("fcntl(F_SETFL, O_ASYNC)");
  return write(ends[1], "x", 1) == 1 ? tried("SIGIO by F_SETOWN") : failed("write");
}

// A signal that is ignored by who does not wait for it: it reaches all that the user has on this machine.
Outcome send_all(const Facts&) { return sent("kill(-1, SIGURG)", kill(-1, SIGURG)); }

// The group of the process that started the jail. The stage, which leads it, says REACHED.
Outcome send_group(const Facts&) {
  signal(SIGUSR2, SIG_IGN);
  return sent("kill(0, SIGUSR2)", kill(0, SIGUSR2));
}

Outcome set_limit(const Facts& facts) {
  rlimit limit;
  if (prlimit(victim(facts), RLIMIT_NOFILE, nullptr, &limit) != 0) return failed("prlimit of the victim");
  return outcome_of("prlimit of the victim", prlimit(victim(facts), RLIMIT_NOFILE, &limit, nullptr));
}

Outcome get_limit(const Facts& facts) {
  rlimit limit;
  return outcome_of("prlimit of the victim", prlimit(victim(facts), RLIMIT_NOFILE, nullptr, &limit));
}

// To what it is: the battery may itself run at a low one, and who does may raise none.
Outcome set_priority(const Facts& facts) {
  const int own = getpriority(PRIO_PROCESS, 0);
  return outcome_of("setpriority", setpriority(PRIO_PROCESS, static_cast<id_t>(victim(facts)), own));
}

Outcome set_affinity(const Facts& facts) {
  cpu_set_t set;
  if (sched_getaffinity(victim(facts), sizeof set, &set) != 0) return failed("sched_getaffinity of the victim");
  return outcome_of("sched_setaffinity of the victim", sched_setaffinity(victim(facts), sizeof set, &set));
}

Outcome see_process(const Facts& facts) {
  const std::array<std::pair<const char*, long>, 4> calls{{
      {"getpgid of the victim", getpgid(victim(facts))},
      {"getsid of the victim", getsid(victim(facts))},
      {"sched_getscheduler of the victim", sched_getscheduler(victim(facts))},
      {"kill(victim, 0)", kill(victim(facts), 0)},
  }};
  for (const auto& [call, result] : calls) {
    if (result >= 0) return outcome_of(call, result);
  }
  return failed("getpgid, getsid, sched_getscheduler, kill");
}

Outcome see_affinity(const Facts& facts) {
  cpu_set_t set;
  return outcome_of("sched_getaffinity of the victim", sched_getaffinity(victim(facts), sizeof set, &set));
}

Outcome after_fork(std::string_view call, long pid) {
  if (pid == 0) _exit(0);
  if (pid < 0) return failed(call);
  waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return escaped(std::string(call) + " made a process");
}

Outcome fork_process(const Facts&) { return after_fork("fork", fork()); }
Outcome clone_process(const Facts&) { return after_fork("clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }

Outcome vfork_process(const Facts&) {
  const pid_t pid = vfork();
  if (pid == 0) _exit(0);
  return after_fork("vfork", pid);
}

Outcome clone3_process(const Facts&) {
  std::array<unsigned long long, 8> arguments{};  // struct clone_args, first version
  arguments[4] = SIGCHLD;
  return after_fork("clone3", syscall(SYS_clone3, arguments.data(), sizeof arguments));
}

constexpr Attempt kAttempts[] = {
    {"proc-root", "7", "both", "evidence=token", "reads through /proc/PID/root of a process outside", proc_root},
    {"proc-cwd", "7", "both", "evidence=token", "reads through /proc/PID/cwd of a process outside", proc_cwd},
    {"proc-fd", "7", "both", "evidence=token", "reads through /proc/PID/fd of a process outside", proc_fd},
    {"proc-environ", "7", "both", "evidence=token", "reads the environment of a process outside", proc_environ},
    {"proc-memory", "7", "both", "evidence=token", "reads the memory of a process outside by /proc", proc_memory},
    {"proc-cmdline", "7", "both", "", "reads the arguments of a process outside", proc_list},
    {"proc-sys", "7", "root", "", "opens a setting of the kernel for writing", proc_sys},
    {"ptrace", "8", "both", "evidence=token", "traces a process outside", trace},
    {"ptrace-parent", "8", "both", "", "traces the process that started it", trace_parent},
    {"memory-read", "8", "both", "evidence=token", "process_vm_readv of a process outside", read_memory},
    {"memory-write", "8", "both", "", "process_vm_writev into a process outside", write_memory},
    {"descriptor-theft", "8", "both", "evidence=token", "takes a directory from a process outside by pidfd_getfd",
     steal_descriptor},
    {"kcmp", "8", "both", "", "compares itself with a process outside", compare},
    {"kill", "9", "both", "evidence=journal", "signals a process outside", send_kill},
    {"tgkill", "9", "both", "evidence=journal", "signals a thread outside", send_tgkill},
    {"tkill", "9", "both", "evidence=journal", "signals a thread outside by the old call", send_tkill},
    {"sigqueue", "9", "both", "evidence=journal", "queues a signal for a process outside", send_queue},
    {"pidfd-signal", "9", "both", "evidence=journal", "signals a process outside by a pidfd", send_pidfd},
    {"signal-owner", "9", "both", "evidence=journal", "has the kernel send SIGIO to a process outside", send_owner},
    {"kill-all", "9", "both", "evidence=journal", "signals whatever it can reach", send_all},
    {"kill-group", "9", "both", "evidence=reached", "signals the group that it was started in", send_group},
    {"prlimit", "9", "both", "", "sets a limit of a process outside", set_limit},
    {"prlimit-get", "9", "both", "", "reads a limit of a process outside", get_limit},
    {"setpriority", "9", "both", "", "sets the priority of a process outside", set_priority},
    {"setaffinity", "9", "both", "", "moves a process outside to another processor", set_affinity},
    {"see-process", "9", "both", "", "learns whether a process outside lives", see_process},
    {"see-affinity", "9", "both", "", "learns the processors of a process outside", see_affinity},
    {"fork", "23", "both", "", "makes a process without the promise", fork_process},
    {"vfork", "23", "both", "", "makes a process by vfork", vfork_process},
    {"clone", "23", "both", "", "makes a process by clone", clone_process},
    {"clone3", "23", "both", "", "makes a process by clone3", clone3_process},
};

}  // namespace

std::span<const Attempt> process_attempts() { return kAttempts; }

}  // namespace escape
