/* SPDX-License-Identifier: MIT
 *
 * ptracejail: what a jail costs that stops its prisoner at each system call to look at it, by ptrace(2), as jails had to
 * before there was seccomp. It looks at the number and allows everything.
 *
 *     ptracejail PROGRAM ?ARGUMENT ...?
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long looked_at;

int main(int argc, char *argv[])
{
    struct user_regs_struct registers;
    int status;
    pid_t child, stopped;
    if (argc < 2) return 2;
    child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) return 125;
        raise(SIGSTOP);
        execv(argv[1], argv + 1);
        return 127;
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return 125;
    ptrace(PTRACE_SETOPTIONS, child, 0,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL);
    ptrace(PTRACE_SYSCALL, child, 0, 0);
    while ((stopped = waitpid(-1, &status, __WALL)) > 0) {
        int number = 0;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (stopped == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            if (ptrace(PTRACE_GETREGS, stopped, 0, &registers) == 0) looked_at += registers.orig_rax != 0;
        } else if (WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP) {
            number = WSTOPSIG(status);
        }
        ptrace(PTRACE_SYSCALL, stopped, 0, number);
    }
    perror("ptracejail");
    return 125;
}
