// SPDX-License-Identifier: MIT
//
// The stage: a careless place to start a jail from. Whatever follows is left open, set or lying about, and a jail has
// to deal with it:
//
//     0, 1, 2     as the settings say, else /dev/null and the caller's
//     6 to 9      attempt.h
//     variables   STARLIT_SECRET (the token), TCL_LIBRARY, TCLLIBPATH
//     keys        one with the token, in the session keyring
//
// Prints, after the command's own output, "REACHED what" when the command did something to the stage, and at last
// "STATUS exit N", "STATUS signal NAME" or "STATUS timeout".

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

#include "attempt.h"
#include "partner.h"

namespace escape {
namespace {

constexpr int kTimeoutMs = 30000;
constexpr int kSwaps = 10;  // how often a command is started whose root changes under it

struct Settings {
  Facts facts;
  std::set<std::string> words;
  [[nodiscard]] bool has(const char* word) const { return words.contains(word); }
};

volatile sig_atomic_t signals = 0;
void on_signal(int) { signals = signals + 1; }

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::_Exit(2);
}

int check(int result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

// A mount namespace in which DIR/covered is covered by an empty read-only file system.
void cover(const std::string& top) {
  const std::string covered = top + "/covered";
  check(unshare(CLONE_NEWNS), "unshare(CLONE_NEWNS)");
  check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount(MS_PRIVATE)");
  check(mount("tmpfs", covered.c_str(), "tmpfs", 0, nullptr), "mount of tmpfs");
  check(mount(nullptr, covered.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), "mount(MS_RDONLY)");
}

// The writable directory as the attempts expect it.
void tidy(const std::string& top) {
  const std::string writable = top + "/w";
  for (const char* name : {"/made", "/node", "/program", "/large", "/listener", "/core", "/lower/escape"}) {
    unlink((writable + name).c_str());
  }
  rmdir((writable + "/made").c_str());
  rmdir((writable + "/lower").c_str());
  const std::string victim = writable + "/victim";
  unlink(victim.c_str());
  const int fd = check(open(victim.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), "victim");
  check(static_cast<int>(write(fd, "victim\n", 7)), "victim");
  close(fd);
}

int swap_forever(const std::string& path) {
  const std::string other = path + ".link";
  check(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
  for (;;) {
    check(static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, path.c_str(), AT_FDCWD, other.c_str(), 2U)), "renameat2");
    usleep(50);
  }
}

// A socket whose other end is ours, with a message in it: the token, and a descriptor of "/".
int loaded_socket(const std::string& token, int root) {
  std::array<int, 2> ends;
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), "socketpair");
  check(send_directory(ends[1], root, token.c_str()), "sendmsg");
  check(fcntl(ends[1], F_SETFD, FD_CLOEXEC), "FD_CLOEXEC");
  return ends[0];
}

// Opens what is to be stdin, and the pseudo-terminal's master if there is one.
int open_input(const std::string& kind, const std::string& token, int root, int* master) {
  if (kind == "directory") return open("/", O_RDONLY | O_DIRECTORY);
  if (kind == "socket") return loaded_socket(token, root);
  if (kind == "file") return static_cast<int>(syscall(SYS_memfd_create, "stdin", 0U));
  if (kind == "console") {
    const int console = open("/dev/tty0", O_RDWR | O_NOCTTY);
    return console >= 0 ? console : open("/dev/null", O_RDONLY);
  }
  if (kind == "tty") {
    *master = check(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt");
    check(grantpt(*master), "grantpt");
    check(unlockpt(*master), "unlockpt");
    return open(ptsname(*master), O_RDWR);  // the session's terminal now
  }
  return open("/dev/null", O_RDONLY);
}

void add_key(const std::string& token) {
  check(static_cast<int>(syscall(SYS_keyctl, kKeyJoin, nullptr, 0, 0, 0)), "KEYCTL_JOIN_SESSION_KEYRING");
  const long key = syscall(SYS_add_key, "user", kStageKey, token.data(), token.size(), kSessionKeyring);
  if (key < 0) fail("add_key");
}

// Waits for the command; its status, or -1 when it takes too long. Empties the terminal meanwhile.
int wait_for(pid_t child, int master) {
  int status = 0;
  for (int waited = 0; waited < kTimeoutMs; ++waited) {
    if (waitpid(child, &status, WNOHANG) == child) return status;
    pollfd waiting{master, POLLIN, 0};
    std::array<char, 256> text;
    if (poll(&waiting, 1, 1) > 0 && (waiting.revents & POLLIN) != 0) {
      if (read(master, text.data(), text.size()) < 0) continue;
    }
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return -1;
}

void report(int status, bool dumped) {
  if (signals > 0) std::printf("REACHED %d signals came to the stage\n", static_cast<int>(signals));
  if (dumped) std::printf("REACHED a core dump\n");
  if (status == -1) {
    std::printf("STATUS timeout\n");
  } else if (WIFSIGNALED(status)) {
    std::printf("STATUS signal SIG%s\n", sigabbrev_np(WTERMSIG(status)));
  } else {
    std::printf("STATUS exit %d\n", WEXITSTATUS(status));
  }
  std::fflush(stdout);
}

}  // namespace

int run_stage(int argc, char** argv) {
  Settings settings;
  int i = 1;
  for (; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
    settings.facts.add(argv[i]);
    settings.words.insert(argv[i]);
  }
  if (i + 1 >= argc) return 2;
  char** command = argv + i + 1;
  const Facts& facts = settings.facts;
  const std::string top = facts.text("top");
  const std::string canary = facts.text("canary");
  const std::string outside = canary.substr(0, canary.rfind('/'));

  setsid();
  if (settings.has("mounts") && getuid() == 0) cover(top);
  if (settings.has("names") && getuid() == 0) check(unshare(CLONE_NEWUTS), "unshare(CLONE_NEWUTS)");
  become(static_cast<uid_t>(facts.number("uid")));
  tidy(top);

  const int file = check(open(canary.c_str(), O_RDONLY | O_CLOEXEC), "canary");
  std::array<char, 128> buffer{};
  check(static_cast<int>(read(file, buffer.data(), buffer.size() - 1)), "canary");
  const std::string token = buffer.data();
  lseek(file, 0, SEEK_SET);
  setenv("STARLIT_SECRET", token.c_str(), 1);
  setenv("TCL_LIBRARY", outside.c_str(), 1);
  setenv("TCLLIBPATH", outside.c_str(), 1);
  add_key(token);
  signal(SIGUSR2, on_signal);
  signal(SIGTTOU, SIG_IGN);

  int master = -1;
  const int root = check(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "/");
  const int directory = check(open(outside.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "outside");
  const int input = check(open_input(facts.text("stdin"), token, root, &master), "stdin");
  const int partner = loaded_socket(token, root);
  check(chdir(settings.has("cwd") ? outside.c_str() : top.c_str()), "chdir");

  pid_t swapper = -1;
  int rounds = 1;
  if (const std::string path = facts.text("swap"); !path.empty()) {
    rounds = kSwaps;
    swapper = check(fork(), "fork");
    if (swapper == 0) return swap_forever(path);
  }
  int status = 0;
  for (int round = 0; round < rounds; ++round) {
    const pid_t child = check(fork(), "fork");
    if (child == 0) {
      // The targets may be taken by what goes there: first all above them.
      const std::array<int, 4> high{fcntl(directory, F_DUPFD_CLOEXEC, 20), fcntl(root, F_DUPFD_CLOEXEC, 20),
                                    fcntl(partner, F_DUPFD_CLOEXEC, 20), fcntl(file, F_DUPFD_CLOEXEC, 20)};
      check(dup2(input, 0), "dup2");
      if (facts.text("stderr") == "directory") check(dup2(root, 2), "dup2");
      for (int fd = 3; fd < 20; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
      const std::array<int, 4> targets{kOutsideDirectory, kHostRoot, kPartnerSocket, kCanaryFile};
      for (std::size_t n = 0; n < high.size(); ++n) check(dup2(high[n], targets[n]), "dup2");
      signal(SIGTTOU, SIG_DFL);
      execvp(command[0], command);
      fail(command[0]);
    }
    status = wait_for(child, master);
  }
  if (swapper > 0) kill(swapper, SIGKILL);
  bool dumped = WIFSIGNALED(status) && WCOREDUMP(status);
  if (settings.has("core")) {
    for (const std::string& name : {top + "/w/core", top + "/core", outside + "/core"}) {
      dumped = unlink(name.c_str()) == 0 || dumped;
    }
  }
  report(status, dumped);
  return 0;
}

}  // namespace escape
