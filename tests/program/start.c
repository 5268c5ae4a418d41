/* SPDX-License-Identifier: MIT
 *
 * start: starts a program in ways that no shell can.
 *
 *     start memfd PROGRAM ?arg ...?         a copy in memory, by its descriptor: fexecve(3)
 *     start memfd-in DIR PROGRAM ?arg ...?  the same after chroot to DIR, where there is neither the file nor /proc
 *     start as NAME PROGRAM ?arg ...?       with NAME as argv[0]
 *     start bare PROGRAM                    with no argument at all, not even argv[0]
 *
 * In the first two argv[0] is "memory". Exit status 125 and a message when the start fails.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what) {
  perror(what);
  exit(125);
}

static int copy_to_memory(const char *path) {
  static char buffer[65536];
  int from = open(path, O_RDONLY);
  int to = memfd_create("program", MFD_CLOEXEC);
  ssize_t n;
  if (from < 0 || to < 0) fail(path);
  while ((n = read(from, buffer, sizeof buffer)) > 0)
    if (write(to, buffer, (size_t)n) != n) fail("write");
  close(from);
  return to;
}

int main(int argc, char *argv[]) {
  char *none[] = {NULL};
  if (argc >= 3 && strcmp(argv[1], "memfd") == 0) {
    int fd = copy_to_memory(argv[2]);
    argv[2] = "memory";
    execveat(fd, "", argv + 2, environ, AT_EMPTY_PATH);
  } else if (argc >= 4 && strcmp(argv[1], "memfd-in") == 0) {
    int fd = copy_to_memory(argv[3]);
    if (chroot(argv[2]) != 0 || chdir("/") != 0) fail("chroot");
    argv[3] = "memory";
    execveat(fd, "", argv + 3, environ, AT_EMPTY_PATH);
  } else if (argc >= 4 && strcmp(argv[1], "as") == 0) {
    char *program = argv[3];
    argv[3] = argv[2];
    execv(program, argv + 3);
  } else if (argc == 3 && strcmp(argv[1], "bare") == 0) {
    execv(argv[2], none);
  }
  fail("start");
}
