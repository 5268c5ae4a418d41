/* SPDX-License-Identifier: MIT
 *
 * nameserver PROGRAM ?ARGUMENT ...?: runs the program, and as long as it runs answers every question for a name at
 * 127.0.0.1:53 with 127.0.0.1. Switches the loopback interface on first: for a network namespace of its own.
 */

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

/* RFC 1035, section 4: the question again, and one address for a question of type A. */
static void answer(int fd) {
  unsigned char packet[512 + 16];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  const ssize_t n = recvfrom(fd, packet, 512, 0, (struct sockaddr*)&from, &size);
  if (n < 17) return;
  size_t end = 12;
  while (end < (size_t)n && packet[end] != 0) end += packet[end] + 1;
  end += 5;
  if (end > (size_t)n) return;
  const int is_address = packet[end - 4] == 0 && packet[end - 3] == 1;
  packet[2] = 0x81;
  packet[3] = 0x80;
  memcpy(packet + 6, is_address ? "\0\1\0\0\0\0" : "\0\0\0\0\0\0", 6);
  static const unsigned char kAddress[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 1};
  if (is_address) {
    memcpy(packet + end, kAddress, sizeof kAddress);
    end += sizeof kAddress;
  }
  sendto(fd, packet, end, 0, (struct sockaddr*)&from, size);
}

int main(int argc, char** argv) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  const struct sockaddr_in here = {
      .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (argc < 2 || ioctl(fd, SIOCSIFFLAGS, &request) != 0 || bind(fd, (const struct sockaddr*)&here, sizeof here) != 0) {
    perror("nameserver");
    return 2;
  }
  const pid_t server = fork();
  if (server == 0) {
    for (;;) answer(fd);
  }
  const pid_t program = fork();
  if (program == 0) {
    execv(argv[1], argv + 1);
    _exit(127);
  }
  int status = 0;
  waitpid(program, &status, 0);
  kill(server, SIGKILL);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
