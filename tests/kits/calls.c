// SPDX-License-Identifier: MIT
//
// calls: makes system calls, some of which a filter forbids, and prints what came of each. Linked statically by
// mkjail.test, so that it is all that its root needs.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tell(const char* what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
}

int main(void) {
  struct flock lock = {.l_type = F_RDLCK};
  tell("mkdir", syscall(SYS_mkdirat, AT_FDCWD, "/tmp/d", 0755));
  tell("open to read", syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY));
  tell("open to make", syscall(SYS_openat, AT_FDCWD, "/tmp/f", O_CREAT | O_WRONLY, 0644));
  tell("chmod", syscall(SYS_fchmodat, AT_FDCWD, "/tmp/f", 0755));
  tell("chmod with set-id bits", syscall(SYS_fchmodat, AT_FDCWD, "/tmp/f", 04755));
  tell("lock", syscall(SYS_fcntl, 1, F_GETLK, &lock));
  tell("socket, inet", syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  tell("socket, unix", syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
  tell("socket, netlink", syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0));
  tell("signal to itself", syscall(SYS_kill, getpid(), 0));
  tell("signal to another", syscall(SYS_kill, 99999, 0));
  tell("unshare", syscall(SYS_unshare, CLONE_NEWUTS));
  tell("clone3", syscall(SYS_clone3, 0, 0));
  tell("openat2", syscall(SYS_openat2, AT_FDCWD, "/", 0, 0));
  tell("ptrace", syscall(SYS_ptrace, 0, 0, 0, 0));
  return 0;
}
