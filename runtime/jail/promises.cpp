// SPDX-License-Identifier: MIT
//
// Which calls a static Tcl needs was measured with strace(1), by kind of script; the numbers of flags are those of
// <linux/fcntl.h>, <linux/sched.h> and their like.

#include "jail/promises.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/error.h"

namespace starlit::jail {
namespace {

constexpr Promises kInet = kInetClient | kInetServer;

constexpr PromiseName kNames[] = {
    {"stdio", kStdio, "compute; read and write what is open; timers, threads, pipes, memory"},
    {"rpath", kRpath, "look at and read files and directories"},
    {"wpath", kWpath, "write to files that are there"},
    {"cpath", kCpath, "make, rename and delete files, directories and links"},
    {"fattr", kFattr, "change permissions (not set-id bits) and times of files"},
    {"chown", kChown, "change the owners of files"},
    {"flock", kFlock, "lock files"},
    {"inet", kInet, "TCP: inet:client and inet:server"},
    {"inet:client", kInetClient, "connect to others by TCP"},
    {"inet:server", kInetServer, "be connected to by TCP"},
    {"udp", kUdp, "send and receive by UDP; ports cannot be limited"},
    {"dns", kDns, "ask name servers"},
    {"unix", kUnix, "sockets of this machine (AF_UNIX)"},
    {"recvfd", kRecvfd, "be handed open files by other processes"},
    {"sendfd", kSendfd, "hand open files to other processes"},
    {"tty", kTty, "change the settings of a terminal"},
    {"proc", kProc, "start processes, wait for them and signal them"},
    {"exec", kExec, "run programs, and memory as code"},
};

#define CALL(name) #name, SYS_##name

using Width = Condition::Width;

constexpr Condition is_int(unsigned argument, std::uint64_t value, std::uint64_t mask = 0xffffffff) {
  return {Width::kInt, static_cast<std::uint8_t>(argument), mask, value};
}
constexpr Condition is_without(unsigned argument, std::uint64_t flags) { return is_int(argument, 0, flags); }
constexpr Condition is_null(unsigned argument) {
  return {Width::kLong, static_cast<std::uint8_t>(argument), ~std::uint64_t{0}, 0};
}
constexpr Condition is_own_process(unsigned argument) { return is_int(argument, kOwnProcess); }

// O_TMPFILE without the O_DIRECTORY in it.
constexpr std::uint64_t kTmpfile = O_TMPFILE & ~O_DIRECTORY;
constexpr std::uint64_t kOpenKind = O_ACCMODE | O_CREAT | kTmpfile | O_TRUNC;
constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                         CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint64_t kThread = CLONE_VM | CLONE_THREAD;
constexpr std::uint64_t kSocketKind = ~std::uint64_t{SOCK_NONBLOCK | SOCK_CLOEXEC} & 0xffffffff;
constexpr std::uint64_t kSetIdBits = S_ISUID | S_ISGID | S_ISVTX;

constexpr std::string_view kVerbMakeCode = "run memory as code";
constexpr std::string_view kVerbSignal = "signal another process";
constexpr std::string_view kVerbNetwork = "use the network";
constexpr std::string_view kVerbAsk = "ask a name server";

// Opening, whose flags are argument `at`.
#define OPEN_RULES(call, at)                                                                                         \
  {CALL(call), kRpath, {is_int(at, O_RDONLY, kOpenKind)}, "O_RDONLY"},                                               \
      {CALL(call), kWpath, {is_int(at, O_WRONLY, O_ACCMODE | O_CREAT | kTmpfile)}, "O_WRONLY"},                      \
      {CALL(call), kRpath | kWpath, {is_int(at, O_RDWR, O_ACCMODE | O_CREAT | kTmpfile)}, "O_RDWR"},                 \
      {CALL(call), kRpath | kWpath, {is_int(at, O_TRUNC, kOpenKind)}, "O_RDONLY|O_TRUNC"},                           \
      {CALL(call), kWpath | kCpath,                                                                                  \
       {is_int(at, O_WRONLY, O_ACCMODE), is_without(at + 1, kSetIdBits)},                                            \
       "O_CREAT|O_WRONLY, without set-id bits", "make a file"},                                                      \
      {CALL(call), kRpath | kWpath | kCpath, {is_without(at + 1, kSetIdBits)},                                       \
       "O_CREAT, without set-id bits", "make a file"}

// Neither raw sockets nor protocols that no promise limits (MPTCP, SCTP).
#define SOCKET_RULE(needs, verb, family, type, protocol)                                                             \
  {CALL(socket), needs, {is_int(0, family), is_int(1, type, kSocketKind), is_int(2, protocol)},                      \
   #family ", " #type ", " #protocol, verb}
#define SOCKET_RULES(needs, verb, type, protocol)                                                                    \
  SOCKET_RULE(needs, verb, AF_INET, type, 0), SOCKET_RULE(needs, verb, AF_INET, type, protocol),                     \
      SOCKET_RULE(needs, verb, AF_INET6, type, 0), SOCKET_RULE(needs, verb, AF_INET6, type, protocol)

constexpr Rule kRules[] = {
    // stdio: with conditions
    {CALL(mmap), kStdio, {is_without(2, PROT_EXEC)}, "without PROT_EXEC"},
    {CALL(mmap), kExec, {}, "", kVerbMakeCode},
    {CALL(mprotect), kStdio, {is_without(2, PROT_EXEC)}, "without PROT_EXEC"},
    {CALL(mprotect), kExec, {}, "", kVerbMakeCode},
    {CALL(clone), kStdio, {is_int(0, kThread, kThread | kNewNamespaces)},
     "CLONE_VM|CLONE_THREAD, without CLONE_NEW*"},
    {CALL(clone), kProc, {is_without(0, kNewNamespaces)}, "without CLONE_NEW*"},
    {CALL(fcntl), kStdio, {is_int(1, F_GETFD)}, "F_GETFD"},
    {CALL(fcntl), kStdio, {is_int(1, F_SETFD)}, "F_SETFD"},
    {CALL(fcntl), kStdio, {is_int(1, F_GETFL)}, "F_GETFL"},
    {CALL(fcntl), kStdio, {is_int(1, F_SETFL), is_without(2, O_ASYNC)}, "F_SETFL without O_ASYNC"},
    {CALL(fcntl), kStdio, {is_int(1, F_DUPFD)}, "F_DUPFD"},
    {CALL(fcntl), kStdio, {is_int(1, F_DUPFD_CLOEXEC)}, "F_DUPFD_CLOEXEC"},
    // Signals about a descriptor, to this process alone: servers tell their workers so that there is a message.
    {CALL(fcntl), kProc, {is_int(1, F_SETOWN), is_own_process(2)}, "F_SETOWN, own process", kVerbSignal},
    {CALL(fcntl), kFlock, {is_int(1, F_GETLK)}, "F_GETLK", "lock a file"},
    {CALL(fcntl), kFlock, {is_int(1, F_SETLK)}, "F_SETLK", "lock a file"},
    {CALL(fcntl), kFlock, {is_int(1, F_SETLKW)}, "F_SETLKW", "lock a file"},
    {CALL(fcntl), kFlock, {is_int(1, F_OFD_GETLK)}, "F_OFD_GETLK", "lock a file"},
    {CALL(fcntl), kFlock, {is_int(1, F_OFD_SETLK)}, "F_OFD_SETLK", "lock a file"},
    {CALL(fcntl), kFlock, {is_int(1, F_OFD_SETLKW)}, "F_OFD_SETLKW", "lock a file"},
    {CALL(ioctl), kStdio, {is_int(1, TCGETS)}, "TCGETS"},
    {CALL(ioctl), kStdio, {is_int(1, TIOCGWINSZ)}, "TIOCGWINSZ"},
    {CALL(ioctl), kStdio, {is_int(1, FIONREAD)}, "FIONREAD"},
    {CALL(ioctl), kStdio, {is_int(1, FIONBIO)}, "FIONBIO"},
    {CALL(ioctl), kStdio, {is_int(1, FIOCLEX)}, "FIOCLEX"},
    {CALL(ioctl), kStdio, {is_int(1, FIONCLEX)}, "FIONCLEX"},
    {CALL(ioctl), kProc, {is_int(1, FIOASYNC)}, "FIOASYNC", kVerbSignal},
    {CALL(ioctl), kTty, {is_int(1, TCSETS)}, "TCSETS", "change the terminal"},
    {CALL(ioctl), kTty, {is_int(1, TCSETSW)}, "TCSETSW", "change the terminal"},
    {CALL(ioctl), kTty, {is_int(1, TCSETSF)}, "TCSETSF", "change the terminal"},
    {CALL(sendto), kStdio, {is_null(4)}, "without an address"},
    // MSG_FASTOPEN connects, and Landlock, which keeps --connect-tcp, asks connect(2) alone.
    {CALL(sendto), kDns, {is_without(3, MSG_FASTOPEN)}, "to an address, without MSG_FASTOPEN", kVerbAsk},
    {CALL(sendto), kUdp, {is_without(3, MSG_FASTOPEN)}, "to an address, without MSG_FASTOPEN"},
    {CALL(sendto), kUnix, {is_without(3, MSG_FASTOPEN)}, "to an address, without MSG_FASTOPEN"},
    {CALL(prlimit64), kStdio, {is_int(0, 0), is_null(2)}, "own limits, to read"},
    {CALL(tgkill), kStdio, {is_own_process(0)}, "own process", kVerbSignal},
    {CALL(kill), kStdio, {is_own_process(0)}, "own process"},
    {CALL(kill), kProc, {}, "", kVerbSignal},
    {CALL(getpgid), kStdio, {is_int(0, 0)}, "own process"},
    {CALL(getsid), kStdio, {is_int(0, 0)}, "own process"},
    {CALL(sched_getaffinity), kStdio, {is_int(0, 0)}, "own process"},
    {CALL(sched_getaffinity), kStdio, {is_own_process(0)}, "own process"},
    {CALL(newfstatat), kStdio, {is_int(3, AT_EMPTY_PATH, AT_EMPTY_PATH)}, "AT_EMPTY_PATH (fstat)"},
    {CALL(newfstatat), kRpath},
    {CALL(setsockopt), kStdio, {is_int(1, SOL_SOCKET), is_int(2, SO_REUSEADDR)}, "SO_REUSEADDR"},
    {CALL(setsockopt), kStdio, {is_int(1, SOL_SOCKET), is_int(2, SO_KEEPALIVE)}, "SO_KEEPALIVE"},
    {CALL(setsockopt), kStdio, {is_int(1, SOL_SOCKET), is_int(2, SO_SNDBUF)}, "SO_SNDBUF"},
    {CALL(setsockopt), kStdio, {is_int(1, SOL_SOCKET), is_int(2, SO_RCVBUF)}, "SO_RCVBUF"},
    {CALL(setsockopt), kStdio, {is_int(1, SOL_SOCKET), is_int(2, SO_LINGER)}, "SO_LINGER"},
    {CALL(setsockopt), kStdio, {is_int(1, SOL_SOCKET), is_int(2, SO_REUSEPORT)}, "SO_REUSEPORT"},
    {CALL(setsockopt), kStdio, {is_int(1, IPPROTO_TCP), is_int(2, TCP_NODELAY)}, "TCP_NODELAY"},
    {CALL(setsockopt), kStdio, {is_int(1, IPPROTO_IPV6), is_int(2, IPV6_V6ONLY)}, "IPV6_V6ONLY"},
    // The C library asks for errors of its look-ups, and gives up where it is refused (resolv/res_send.c, reopen).
    {CALL(setsockopt), kDns, {is_int(1, IPPROTO_IP), is_int(2, IP_RECVERR)}, "IP_RECVERR", kVerbAsk},
    {CALL(setsockopt), kDns, {is_int(1, IPPROTO_IPV6), is_int(2, IPV6_RECVERR)}, "IPV6_RECVERR", kVerbAsk},
    {CALL(setsockopt), kUdp, {is_int(1, IPPROTO_IP), is_int(2, IP_RECVERR)}, "IP_RECVERR"},
    {CALL(setsockopt), kUdp, {is_int(1, IPPROTO_IPV6), is_int(2, IPV6_RECVERR)}, "IPV6_RECVERR"},

    // rpath, wpath, cpath: opening
    OPEN_RULES(openat, 2),
#ifdef SYS_open
    OPEN_RULES(open, 1),
    {CALL(creat), kWpath | kCpath, {is_without(1, kSetIdBits)}, "without set-id bits", "make a file"},
#endif

    // sockets
    SOCKET_RULES(kInetClient, kVerbNetwork, SOCK_STREAM, IPPROTO_TCP),
    SOCKET_RULES(kInetServer, kVerbNetwork, SOCK_STREAM, IPPROTO_TCP),
    SOCKET_RULES(kDns, kVerbAsk, SOCK_DGRAM, IPPROTO_UDP),
    SOCKET_RULES(kUdp, kVerbNetwork, SOCK_DGRAM, IPPROTO_UDP),
    {CALL(socket), kUnix, {is_int(0, AF_UNIX)}, "AF_UNIX"},
    {CALL(socketpair), kUnix, {is_int(0, AF_UNIX)}, "AF_UNIX"},

    // fattr
    {CALL(fchmod), kFattr, {is_without(1, kSetIdBits)}, "without set-id bits", "set permissions"},
    {CALL(fchmodat), kFattr, {is_without(2, kSetIdBits)}, "without set-id bits", "set permissions"},
#ifdef SYS_chmod
    {CALL(chmod), kFattr, {is_without(1, kSetIdBits)}, "without set-id bits", "set permissions"},
#endif

    // stdio: without conditions
    {CALL(read), kStdio},
    {CALL(readv), kStdio},
    {CALL(pread64), kStdio},
    {CALL(preadv), kStdio},
    {CALL(preadv2), kStdio},
    {CALL(write), kStdio},
    {CALL(writev), kStdio},
    {CALL(pwrite64), kStdio},
    {CALL(pwritev), kStdio},
    {CALL(pwritev2), kStdio},
    {CALL(sendfile), kStdio},
    {CALL(close), kStdio},
    {CALL(close_range), kStdio},
    {CALL(dup), kStdio},
    {CALL(dup3), kStdio},
    {CALL(lseek), kStdio},
    {CALL(fstat), kStdio},
    {CALL(fsync), kStdio},
    {CALL(fdatasync), kStdio},
    {CALL(ftruncate), kStdio},
    {CALL(pipe2), kStdio},
    {CALL(ppoll), kStdio},
    {CALL(pselect6), kStdio},
    {CALL(epoll_create1), kStdio},
    {CALL(epoll_ctl), kStdio},
    {CALL(epoll_pwait), kStdio},
    {CALL(eventfd2), kStdio},
    {CALL(timerfd_create), kStdio},
    {CALL(timerfd_settime), kStdio},
    {CALL(timerfd_gettime), kStdio},
    {CALL(brk), kStdio},
    {CALL(munmap), kStdio},
    {CALL(mremap), kStdio},
    {CALL(madvise), kStdio},
    {CALL(futex), kStdio},
    {CALL(set_robust_list), kStdio},
    {CALL(rseq), kStdio},
    {CALL(membarrier), kStdio},
    {CALL(memfd_create), kStdio},
    {CALL(sched_yield), kStdio},
    {CALL(getpid), kStdio},
    {CALL(gettid), kStdio},
    {CALL(getppid), kStdio},
    {CALL(getuid), kStdio},
    {CALL(geteuid), kStdio},
    {CALL(getgid), kStdio},
    {CALL(getegid), kStdio},
    {CALL(getgroups), kStdio},
    {CALL(getresuid), kStdio},
    {CALL(getresgid), kStdio},
    {CALL(getrandom), kStdio},
    {CALL(clock_gettime), kStdio},
    {CALL(clock_getres), kStdio},
    {CALL(clock_nanosleep), kStdio},
    {CALL(nanosleep), kStdio},
    {CALL(gettimeofday), kStdio},
    {CALL(times), kStdio},
    {CALL(getrusage), kStdio},
    {CALL(rt_sigaction), kStdio},
    {CALL(rt_sigprocmask), kStdio},
    {CALL(rt_sigreturn), kStdio},
    {CALL(rt_sigpending), kStdio},
    {CALL(rt_sigtimedwait), kStdio},
    {CALL(rt_sigsuspend), kStdio},
    {CALL(sigaltstack), kStdio},
    {CALL(restart_syscall), kStdio},
    {CALL(exit), kStdio},
    {CALL(exit_group), kStdio},
    {CALL(umask), kStdio},
    {CALL(uname), kStdio},
    {CALL(getcwd), kStdio},
    {CALL(getdents64), kStdio},
    {CALL(recvfrom), kStdio},
    {CALL(getsockname), kStdio},
    {CALL(getpeername), kStdio},
    {CALL(getsockopt), kStdio},
    {CALL(shutdown), kStdio},
    {CALL(set_tid_address), kStdio},
#ifdef __x86_64__
    {CALL(dup2), kStdio},
    {CALL(pipe), kStdio},
    {CALL(poll), kStdio},
    {CALL(select), kStdio},
    {CALL(epoll_create), kStdio},
    {CALL(epoll_wait), kStdio},
    {CALL(eventfd), kStdio},
    {CALL(time), kStdio},
    {CALL(alarm), kStdio},
    {CALL(pause), kStdio},
    {CALL(getpgrp), kStdio},
    {CALL(arch_prctl), kExec},
#endif
    {CALL(setitimer), kStdio},
    {CALL(getitimer), kStdio},

    // rpath
    {CALL(statx), kRpath},
    {CALL(faccessat), kRpath},
    {CALL(faccessat2), kRpath},
    {CALL(readlinkat), kRpath},
    {CALL(chdir), kRpath},
    {CALL(fchdir), kRpath},
    {CALL(statfs), kRpath},
    {CALL(fstatfs), kRpath},
#ifdef __x86_64__
    {CALL(stat), kRpath},
    {CALL(lstat), kRpath},
    {CALL(access), kRpath},
    {CALL(readlink), kRpath},
#endif

    // wpath
    {CALL(truncate), kWpath},
    {CALL(fallocate), kWpath},
    {CALL(copy_file_range), kWpath},

    // cpath
    {CALL(mkdirat), kCpath, {}, "", "make a directory"},
    {CALL(renameat), kCpath, {}, "", "rename a file"},
    {CALL(renameat2), kCpath, {}, "", "rename a file"},
    {CALL(linkat), kCpath, {}, "", "make a link"},
    {CALL(symlinkat), kCpath, {}, "", "make a link"},
    {CALL(unlinkat), kCpath, {}, "", "delete a file"},
#ifdef __x86_64__
    {CALL(mkdir), kCpath, {}, "", "make a directory"},
    {CALL(rmdir), kCpath, {}, "", "delete a directory"},
    {CALL(rename), kCpath, {}, "", "rename a file"},
    {CALL(link), kCpath, {}, "", "make a link"},
    {CALL(symlink), kCpath, {}, "", "make a link"},
    {CALL(unlink), kCpath, {}, "", "delete a file"},
#endif

    // fattr, chown, flock
    {CALL(utimensat), kFattr, {}, "", "set the times of a file"},
#ifdef __x86_64__
    {CALL(utimes), kFattr, {}, "", "set the times of a file"},
    {CALL(utime), kFattr, {}, "", "set the times of a file"},
    {CALL(futimesat), kFattr, {}, "", "set the times of a file"},
    {CALL(chown), kChown, {}, "", "change an owner"},
    {CALL(lchown), kChown, {}, "", "change an owner"},
#endif
    {CALL(fchown), kChown, {}, "", "change an owner"},
    {CALL(fchownat), kChown, {}, "", "change an owner"},
    {CALL(flock), kFlock, {}, "", "lock a file"},

    // sockets
    {CALL(connect), kInetClient, {}, "", "connect to an address"},
    {CALL(connect), kDns, {}, "", kVerbAsk},
    {CALL(connect), kUdp, {}, "", "connect to an address"},
    {CALL(connect), kUnix, {}, "", "connect to a socket"},
    {CALL(bind), kInetServer, {}, "", "take an address"},
    {CALL(bind), kInetClient},  // Tcl binds its clients too, to port 0
    {CALL(bind), kUdp, {}, "", "take an address"},
    {CALL(bind), kUnix, {}, "", "take an address"},
    {CALL(listen), kInetServer, {}, "", "listen for connections"},
    {CALL(listen), kUnix, {}, "", "listen for connections"},
    {CALL(accept4), kInetServer, {}, "", "accept a connection"},
    {CALL(accept4), kUnix, {}, "", "accept a connection"},
    {CALL(accept), kInetServer, {}, "", "accept a connection"},
    {CALL(accept), kUnix, {}, "", "accept a connection"},
    {CALL(sendmmsg), kDns, {is_without(3, MSG_FASTOPEN)}, "without MSG_FASTOPEN", kVerbAsk},
    {CALL(recvmsg), kRecvfd},
    {CALL(recvmmsg), kRecvfd},
    {CALL(sendmsg), kSendfd, {is_without(2, MSG_FASTOPEN)}, "without MSG_FASTOPEN"},

    // proc, exec
    {CALL(wait4), kProc},
    {CALL(waitid), kProc},
    {CALL(setpgid), kProc},
    {CALL(setsid), kProc},
#ifdef __x86_64__
    {CALL(fork), kProc},
    {CALL(vfork), kProc},
#endif
    // execve(2) has set it before.
    {CALL(prctl), kExec, {is_int(0, PR_SET_DUMPABLE)}, "PR_SET_DUMPABLE", "change itself"},
    {CALL(execve), kExec},
    {CALL(execveat), kExec},
};

struct Forbidden {
  int number;
  std::string_view name;
};

// Which no promise allows, for messages.
#define FORBIDDEN(name) {SYS_##name, #name}
constexpr Forbidden kForbidden[] = {
    FORBIDDEN(chroot), FORBIDDEN(pivot_root), FORBIDDEN(mount), FORBIDDEN(umount2), FORBIDDEN(unshare),
    FORBIDDEN(setns), FORBIDDEN(open_tree), FORBIDDEN(move_mount), FORBIDDEN(fsopen), FORBIDDEN(fsconfig),
    FORBIDDEN(fsmount), FORBIDDEN(fspick), FORBIDDEN(mount_setattr), FORBIDDEN(ptrace), FORBIDDEN(process_vm_readv),
    FORBIDDEN(process_vm_writev), FORBIDDEN(pidfd_open), FORBIDDEN(pidfd_getfd), FORBIDDEN(pidfd_send_signal),
    FORBIDDEN(kcmp), FORBIDDEN(io_uring_setup), FORBIDDEN(io_uring_enter), FORBIDDEN(io_uring_register),
    FORBIDDEN(bpf), FORBIDDEN(perf_event_open), FORBIDDEN(userfaultfd), FORBIDDEN(keyctl), FORBIDDEN(add_key),
    FORBIDDEN(request_key), FORBIDDEN(name_to_handle_at), FORBIDDEN(open_by_handle_at), FORBIDDEN(mknodat),
    FORBIDDEN(personality), FORBIDDEN(syslog), FORBIDDEN(fanotify_init), FORBIDDEN(inotify_init1), FORBIDDEN(sysinfo),
    FORBIDDEN(shmget), FORBIDDEN(shmat), FORBIDDEN(semget), FORBIDDEN(msgget), FORBIDDEN(mq_open),
    FORBIDDEN(clock_settime), FORBIDDEN(settimeofday), FORBIDDEN(sethostname), FORBIDDEN(setdomainname),
    FORBIDDEN(setuid), FORBIDDEN(setgid), FORBIDDEN(setresuid), FORBIDDEN(setresgid), FORBIDDEN(setgroups),
    FORBIDDEN(capset), FORBIDDEN(seccomp), FORBIDDEN(landlock_create_ruleset), FORBIDDEN(reboot),
    FORBIDDEN(kexec_load), FORBIDDEN(init_module), FORBIDDEN(swapon), FORBIDDEN(setpriority), FORBIDDEN(tkill),
    FORBIDDEN(rt_sigqueueinfo), FORBIDDEN(setrlimit), FORBIDDEN(vmsplice), FORBIDDEN(signalfd4), FORBIDDEN(clone3),
    FORBIDDEN(openat2),
#ifdef __x86_64__
    FORBIDDEN(mknod), FORBIDDEN(modify_ldt),
#endif
};
#undef FORBIDDEN

#undef CALL
#undef OPEN_RULES
#undef SOCKET_RULE
#undef SOCKET_RULES

// Their flags lie behind a pointer.
constexpr int kUnimplemented[] = {SYS_clone3, SYS_openat2};

// The last that Linux 5.18 has; its number is the same on all architectures.
constexpr int kHighestKnownCall = 450;

// needs_of(): the call lies above so many bits, one for each of its rows.
constexpr unsigned kNeedsRows = 48;

bool holds(const Condition& condition, const Arguments& arguments, int own_process) noexcept {
  if (condition.width == Width::kNone) return true;
  const std::uint64_t value =
      condition.value == kOwnProcess ? static_cast<std::uint64_t>(own_process) : condition.value;
  return (arguments[condition.argument] & condition.mask) == value;
}

bool matches(const Rule& rule, const Arguments& arguments, int own_process) noexcept {
  return std::all_of(rule.conditions.begin(), rule.conditions.end(),
                     [&](const Condition& condition) { return holds(condition, arguments, own_process); });
}

int count(Promises promises) noexcept { return __builtin_popcount(promises); }

}  // namespace

std::span<const PromiseName> promise_names() noexcept { return kNames; }
std::span<const Rule> rules() noexcept { return kRules; }

bool is_allowed_always(int call, Promises promises) noexcept {
  return std::any_of(std::begin(kRules), std::end(kRules), [&](const Rule& rule) {
    return rule.number == call && rule.is_granted(promises) && !rule.is_conditional();
  });
}

std::span<const int> unimplemented_calls() noexcept { return kUnimplemented; }
int highest_known_call() noexcept { return kHighestKnownCall; }

Promises parse_promises(std::string_view list) {
  Promises promises = 0;
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(", \t\n\r"), list.size());
    const std::string_view word = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    if (word.empty()) continue;
    const auto name =
        std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& n) { return n.name == word; });
    if (name == std::end(kNames)) {
      throw Error(EINVAL, "PROMISE",
                  quoted("unknown promise", word) + " (hint: they are " + promise_list(~0u, ", ") + ")");
    }
    promises |= name->promises;
  }
  return promises;
}

void for_each_name(Promises promises, void (*append)(void*, std::string_view), void* data) noexcept {
  // Those that stand for several first; then what is left.
  Promises said = 0;
  for (const PromiseName& name : kNames) {
    if (count(name.promises) > 1 && (promises & name.promises) == name.promises) said |= name.promises;
  }
  for (const PromiseName& name : kNames) {
    const bool is_whole = (promises & name.promises) == name.promises;
    if (is_whole && (count(name.promises) > 1 || (name.promises & said) == 0)) append(data, name.name);
  }
}

std::string promise_list(Promises promises, std::string_view separator) {
  struct Text {
    std::string text;
    std::string_view separator;
  } text{{}, separator};
  for_each_name(
      promises,
      [](void* data, std::string_view name) {
        auto* list = static_cast<Text*>(data);
        if (!list->text.empty()) list->text += list->separator;
        list->text += name;
      },
      &text);
  return text.text;
}

std::optional<Lack> lack_of(int call, const Arguments& arguments, Promises granted, int own_process) noexcept {
  std::optional<Lack> least;
  for (const Rule& rule : kRules) {
    if (rule.number != call || !matches(rule, arguments, own_process)) continue;
    const Promises missing = rule.needs & ~granted;
    if (!least || count(missing) < count(least->promises)) least = Lack{missing, rule.name, rule.verb};
  }
  return least;
}

std::uint64_t needs_of(int call, const Arguments& arguments, int own_process) noexcept {
  std::uint64_t rows = 0;
  unsigned row = 0;
  for (const Rule& rule : kRules) {
    if (rule.number != call) continue;
    if (matches(rule, arguments, own_process)) rows |= std::uint64_t{1} << row;
    ++row;
  }
  return static_cast<std::uint64_t>(call) << kNeedsRows | rows;
}

Promises least_promises(std::span<const std::uint64_t> needs, Promises promises, Promises granted) {
  const auto is_enough = [&](Promises some) {
    return std::all_of(needs.begin(), needs.end(), [&](std::uint64_t need) {
      unsigned row = 0;
      for (const Rule& rule : kRules) {
        if (rule.number != static_cast<int>(need >> kNeedsRows)) continue;
        if ((need >> row++ & 1) != 0 && (rule.needs & ~(some | granted)) == 0) return true;
      }
      return false;
    });
  };
  for (const Promises one : {kUdp, kUnix, kDns, kInetClient, kInetServer}) {
    if ((promises & one) != 0 && is_enough(promises & ~one)) promises &= ~one;
  }
  return promises;
}

std::string_view call_name(int call) noexcept {
  for (const Rule& rule : kRules) {
    if (rule.number == call) return rule.name;
  }
  for (const auto& [number, name] : kForbidden) {
    if (number == call) return name;
  }
  return {};
}

}  // namespace starlit::jail
