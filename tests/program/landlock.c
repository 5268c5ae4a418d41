/* SPDX-License-Identifier: MIT
 *
 * landlock: runs a program on a kernel that claims another version of Landlock.
 *
 *     landlock VERSION PROGRAM ?arg ...?    0: none at all
 *
 * It answers the question for the version, landlock_create_ruleset(2) without attributes, in the kernel's place
 * (seccomp_unotify(2)), for the program and what it starts. Exit status: the program's; 125 and a message when the
 * start fails.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(125);
}

static int watch_question(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]) + 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("prctl");
  int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (listener < 0) fail("seccomp");
  return listener;
}

static void answer(int listener, int version) {
  struct seccomp_notif question;
  struct seccomp_notif_resp response;
  memset(&question, 0, sizeof question);
  memset(&response, 0, sizeof response);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) != 0) return;
  response.id = question.id;
  response.val = version;
  if (version == 0) response.error = -ENOSYS;
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

int main(int argc, char *argv[]) {
  if (argc < 3) return 125;
  int listener = watch_question();
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    close(listener);
    execv(argv[2], argv + 2);
    fail(argv[2]);
  }
  for (;;) {
    struct pollfd question = {listener, POLLIN, 0};
    if (poll(&question, 1, 10) > 0) answer(listener, atoi(argv[1]));
    int status;
    if (waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
  }
}
