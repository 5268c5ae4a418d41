// SPDX-License-Identifier: MIT
//
// Typing into the terminal that the jail was started from.

#include <fcntl.h>
#include <linux/tiocl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>

#include "attempt.h"

namespace escape {
namespace {

Outcome type(const Facts&) {
  const char c = '\n';
  return outcome_of("ioctl(TIOCSTI)", ioctl(0, TIOCSTI, &c));
}

// The kernel takes 32 bits of the request; a filter that compares 64 lets this one pass (CVE-2019-10063).
Outcome type_high_bits(const Facts&) {
  const char c = '\n';
  return outcome_of("ioctl(1 << 32 | TIOCSTI)", syscall(SYS_ioctl, 0, 1UL << 32 | TIOCSTI, &c));
}

Outcome type_controlling(const Facts&) {
  const int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (fd < 0) return failed("open(\"/dev/tty\")");
  const char c = '\n';
  return outcome_of("ioctl(/dev/tty, TIOCSTI)", ioctl(fd, TIOCSTI, &c));
}

Outcome console(const Facts&) {
  char request = TIOCL_GETSHIFTSTATE;
  const long result = ioctl(0, TIOCLINUX, &request);
  if (result < 0 && errno == ENOTTY) {
    const int fd = open("/dev/tty0", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return unavailable("no virtual console: open(\"/dev/tty0\"): " + std::string(strerrorname_np(errno)));
    close(fd);
    errno = ENOTTY;
  }
  return outcome_of("ioctl(TIOCLINUX)", result);
}

Outcome set_mode(const Facts&) {
  termios mode;
  if (tcgetattr(0, &mode) != 0) return failed("tcgetattr");
  return outcome_of("ioctl(TCSETS)", tcsetattr(0, TCSANOW, &mode));
}

Outcome take_terminal(const Facts&) {
  setsid();
  return outcome_of("ioctl(TIOCSCTTY)", ioctl(0, TIOCSCTTY, 1));
}

Outcome set_size(const Facts&) {
  winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  return outcome_of("ioctl(TIOCSWINSZ)", ioctl(0, TIOCSWINSZ, &size));
}

constexpr Attempt kAttempts[] = {
    {"type", "11", "both", "stdin=tty", "types into its terminal", type},
    {"type-high-bits", "11", "both", "stdin=tty", "the same, with bits that the kernel ignores", type_high_bits},
    {"type-controlling", "11", "both", "stdin=tty", "the same by /dev/tty", type_controlling},
    {"console", "11", "root", "stdin=console", "gives orders to a virtual console", console},
    {"terminal-mode", "11", "both", "stdin=tty", "sets the terminal's mode", set_mode},
    {"terminal-size", "11", "both", "stdin=tty", "sets the terminal's size", set_size},
    {"terminal-take", "11", "root", "stdin=tty", "makes the terminal its own", take_terminal},
};

}  // namespace

std::span<const Attempt> terminal_attempts() { return kAttempts; }

}  // namespace escape
