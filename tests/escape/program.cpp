// SPDX-License-Identifier: MIT
//
// Getting more by starting a program: one with the set-user-ID bit or a capability, the host's own, one that it
// brings.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "attempt.h"

namespace escape {
namespace {

char kEmpty[] = "";

// Replaces the process; comes back only when that fails.
Outcome start(const std::string& path, std::vector<std::string> words) {
  words.insert(words.begin(), path);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execve(path.c_str(), argv.data(), &argv.back());
  return failed("execve " + path);
}

Outcome setuid_program(const Facts& facts) { return start(facts.path("/setuid-escape"), {"report-ids"}); }
Outcome setgid_program(const Facts& facts) { return start(facts.path("/setgid-escape"), {"report-ids"}); }
Outcome linked_program(const Facts& facts) { return start(facts.path("/linked-escape"), {"report-ids"}); }
Outcome capable_program(const Facts& facts) { return start(facts.path("/capable-escape"), {"report-capabilities"}); }
Outcome host_program(const Facts& facts) { return start("/bin/cat", {facts.text("canary")}); }

// The published wrapper of 2002 (chroot("."), seteuid(getuid()), exec "/escape") lies in its own tree. Keep a
// descriptor of the root, let the wrapper move the root further down, climb out by the descriptor.
Outcome seed_wrapper(const Facts& facts) {
  const std::string lower = facts.path("/w/lower");
  const std::string copy = lower + "/escape";
  const int old_root = open("/", O_RDONLY | O_DIRECTORY);
  if (old_root < 0) return failed("open(\"/\")");
  mkdir(lower.c_str(), 0700);
  const int from = open(facts.path("/escape").c_str(), O_RDONLY | O_CLOEXEC);
  if (from < 0) return failed("open(\"/escape\")");
  const int to = open(copy.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
  if (to < 0) return failed("creating the program for the wrapper");
  std::array<char, 65536> buffer;
  for (ssize_t n = 0; (n = read(from, buffer.data(), buffer.size())) > 0;) {
    if (write(to, buffer.data(), static_cast<std::size_t>(n)) != n) return failed("write");
  }
  close(to);
  if (chdir(lower.c_str()) != 0) return failed("chdir");
  return start(facts.path("/seed-wrapper"), {"climb", std::to_string(old_root), facts.canary_below_root()});
}

Outcome memory_program(const Facts&) {
  if (tiny_program().empty()) return unavailable("no tiny program for this processor");
  const int fd = static_cast<int>(syscall(SYS_memfd_create, "program", 0U));
  if (fd < 0) return failed("memfd_create");
  if (write(fd, tiny_program().data(), tiny_program().size()) < 0) return failed("write");
  std::array<char*, 2> argv{kEmpty, nullptr};
  syscall(SYS_execveat, fd, "", argv.data(), argv.data() + 1, AT_EMPTY_PATH);
  return failed("execveat of a memfd");
}

Outcome written_program(const Facts& facts) {
  if (tiny_program().empty()) return unavailable("no tiny program for this processor");
  const std::string path = facts.path("/w/program");
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
  if (fd < 0) return failed("creating a program");
  if (write(fd, tiny_program().data(), tiny_program().size()) < 0) return failed("write");
  close(fd);
  return start(path, {});
}

Outcome inherited_program(const Facts& facts) {
  std::string canary = facts.text("canary");
  std::array<char*, 3> argv{kEmpty, canary.data(), nullptr};
  syscall(SYS_execveat, kHostRoot, "bin/cat", argv.data(), argv.data() + 2, 0);
  return failed("execveat(7, \"bin/cat\")");
}

Outcome empty_argv(const Facts& facts) {
  std::array<char*, 1> none{nullptr};
  execve(facts.path("/escape").c_str(), none.data(), none.data());
  return failed("execve without arguments");
}

constexpr Attempt kAttempts[] = {
    {"seed-wrapper", "3b", "user", "evidence=token prepared",
     "runs the published wrapper, which lies in its own tree", seed_wrapper},
    {"setuid-program", "5", "user", "prepared", "starts a set-user-ID program of root's", setuid_program},
    {"setgid-program", "5", "user", "prepared", "starts a set-group-ID program of root's", setgid_program},
    {"capable-program", "5", "user", "prepared", "starts a program with the file capability cap_sys_chroot",
     capable_program},
    {"linked-program", "5b", "user", "prepared", "starts a hard link to a set-user-ID program of the host",
     linked_program},
    {"host-program", "20", "both", "evidence=token", "starts a program of the host", host_program},
    {"inherited-program", "2", "both", "evidence=token", "starts a program below an open directory of the host",
     inherited_program},
    {"memory-program", "19", "both", "", "starts a program that lies in a memfd", memory_program},
    {"written-program", "19", "both", "", "writes a program and starts it", written_program},
    {"empty-argv", "31", "both", "", "starts a program without even a name", empty_argv},
};

}  // namespace

std::span<const Attempt> program_attempts() { return kAttempts; }

}  // namespace escape
