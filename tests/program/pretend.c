/* SPDX-License-Identifier: MIT
 *
 * pretend: runs a program for which a system call succeeds and does nothing.
 *
 *     pretend CALL PROGRAM ?arg ...?
 *
 * Exit status: the program's; 125 and a message when the start fails.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
  const char *name;
  unsigned number;
} calls[] = {
    {"capset", SYS_capset},
    {"chroot", SYS_chroot},
    {"landlock_restrict_self", SYS_landlock_restrict_self},
    {"seccomp", SYS_seccomp},
    {"setgroups", SYS_setgroups},
    {"setresuid", SYS_setresuid},
};

int main(int argc, char *argv[]) {
  for (unsigned i = 0; argc > 2 && i < sizeof calls / sizeof *calls; ++i) {
    if (strcmp(calls[i].name, argv[1]) != 0) continue;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) execv(argv[2], argv + 2);
    perror(argv[2]);
    return 125;
  }
  fprintf(stderr, "usage: pretend CALL PROGRAM ?arg ...?, for a CALL of its table\n");
  return 125;
}
