// SPDX-License-Identifier: MIT
//
// escape: the escape battery's program. README.md tells how its parts play together.
//
//     escape list                                    all attempts: name, row, who, settings, text, with tabs between
//     escape try ATTEMPT FACT ...                    makes an attempt here
//     escape --jailed OPTION ... -- ATTEMPT FACT ... locks itself in as safekit does, then makes it; with --program
//     among
//                                                   the options, /escape in the new root is started for it
//     escape stage, partner, capable                 partner.h
//     escape report-ids, report-capabilities, climb  what attempts start
//
// One line says how an attempt went: ESCAPED, DENIED, UNAVAILABLE or TRIED, and what was got.

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "attempt.h"
#include "enter_jail.h"
#include "partner.h"

namespace escape {
namespace {

std::vector<Attempt> all_attempts() {
  std::vector<Attempt> all;
  for (const auto part : {directory_attempts(), program_attempts(), process_attempts(), ipc_attempts(),
                          terminal_attempts(), mount_attempts(), kernel_attempts(), file_attempts(),
                          memory_attempts(), identity_attempts(), limit_attempts(), network_attempts()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// By write(2) alone: a jail may leave no more.
int say(const Outcome& outcome) {
  static constexpr const char* kNames[] = {"ESCAPED", "DENIED", "UNAVAILABLE", "TRIED"};
  std::string line = std::string(kNames[static_cast<int>(outcome.kind)]) + " " + outcome.text;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  line += '\n';
  return write(1, line.data(), line.size()) == static_cast<ssize_t>(line.size()) ? 0 : 1;
}

int list() {
  for (const Attempt& one : all_attempts()) {
    std::printf("%s\t%s\t%s\t%s\t%s\n", one.name, one.row, one.who, one.settings, one.text);
  }
  return 0;
}

Attempt find(const char* name) {
  for (const Attempt& one : all_attempts()) {
    if (std::strcmp(one.name, name) == 0) return one;
  }
  std::fprintf(stderr, "no attempt is called \"%s\"\n", name);
  std::exit(2);
}

Facts read_facts(int argc, char** argv) {
  Facts facts;
  for (int i = 0; i < argc; ++i) facts.add(argv[i]);
  return facts;
}

int attempt(int argc, char** argv) {
  if (argc < 1) return 2;
  return say(find(argv[0]).run(read_facts(argc - 1, argv + 1)));
}

// For attempts by a thread that was there first. Where entering the jail makes new processes, the thread stays behind
// in the old one, and does not wait for ever.
int attempt_by_thread(int argc, char** argv) {
  std::atomic<bool> is_locked = false;
  std::atomic<bool> is_done = false;
  int words = 1;
  while (words < argc && std::strcmp(argv[words], "--") != 0) ++words;
  if (words + 1 >= argc) return 2;
  std::thread thread([&] {
    for (int i = 0; i < 50 && !is_locked; ++i) usleep(10000);
    attempt(argc - words - 1, argv + words + 1);
    is_done = true;
  });
  thread.detach();
  if (std::strcmp(argv[0], "--jailed") == 0) enter_jail(argc, argv);
  is_locked = true;
  for (int i = 0; i < 100 && !is_done; ++i) usleep(10000);
  if (!is_done) say(denied("the thread is not here any more"));
  return 0;
}

// As safekit does with --program: the attempt is made by a program in the root, which has replaced this one.
int start_program(int argc, char** argv) {
  char program[] = "/escape";
  char command[] = "try";
  std::vector<char*> words{program, command};
  words.insert(words.end(), argv, argv + argc);
  words.push_back(nullptr);
  execv(program, words.data());
  return say(failed("execv(\"/escape\")")) + 1;
}

int jailed(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--") != 0) continue;
    if (std::strstr(find(argv[i + 1]).settings, "thread") != nullptr) return attempt_by_thread(argc, argv);
    break;
  }
  const int first = enter_jail(argc, argv);
  for (int i = 1; i < first; ++i) {
    if (std::strcmp(argv[i], "--program") == 0) return start_program(argc - first, argv + first);
  }
  return attempt(argc - first, argv + first);
}

// Started by safekit-chroot in safekit's place: OPTION ... -- FILE ATTEMPT FACT ...
int chrooted(int argc, char** argv) {
  int file = 1;
  while (file < argc && std::strcmp(argv[file], "--") != 0) ++file;
  if (++file + 1 >= argc) return 2;
  std::copy(argv + file + 1, argv + argc, argv + file);
  char command[] = "--jailed";
  argv[0] = command;
  return jailed(argc - 1, argv);
}

int report_ids() {
  if (geteuid() == getuid() && getegid() == getgid()) return say(denied("the bits were ignored"));
  return say(escaped("user " + std::to_string(getuid()) + " is now " + std::to_string(geteuid()) + ", group " +
                     std::to_string(getegid())));
}

int report_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  if (syscall(SYS_capget, &header, data) != 0) return say(failed("capget"));
  if ((data[0].effective & 1U << CAP_SYS_CHROOT) == 0) return say(denied("the file's capability was ignored"));
  return say(escaped("has cap_sys_chroot"));
}

// Started by the wrapper, below its first root, with a descriptor of that.
int climb(int old_root, const char* canary) {
  if (fchdir(old_root) != 0) return say(failed("fchdir"));
  for (int i = 0; i < 40; ++i) {
    if (chdir("..") != 0) return say(failed("chdir(\"..\")"));
  }
  return say(content_of("wrapper, fchdir, \"..\"", open(canary, O_RDONLY)));
}

// The program of the paper of 2002, as printed there but for the name of what it starts.
int seed_wrapper(char** argv) {
  char program[] = "/escape";
  if (chroot(".") != 0) return 1;
  if (seteuid(getuid()) != 0) return 2;
  argv[0] = program;
  execv(program, argv);
  return 3;
}

int run(int argc, char** argv) {
  if (argc == 0) return say(escaped("started with no argument at all"));
  const std::string name = argv[0];
  if (name.ends_with("seed-wrapper")) return seed_wrapper(argv);
  if (argc == 1 && name.empty()) return say(unavailable("the kernel makes no argument an empty one: argc is 1"));
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "list") return list();
  if (command == "stage") return run_stage(argc - 1, argv + 1);
  if (command == "partner") return run_partner(argc - 1, argv + 1);
  if (command == "capable" && argc == 3) return make_capable(argv[2]);
  if (command == "try" && argc > 2) {
    const bool by_thread = std::strstr(find(argv[2]).settings, "thread") != nullptr;
    if (!by_thread) return attempt(argc - 2, argv + 2);
    char separator[] = "--";
    argv[1] = separator;
    return attempt_by_thread(argc, argv);
  }
  if (command == "--jailed") return jailed(argc - 1, argv + 1);
  if (command == "--chrooted") return chrooted(argc, argv);
  if (command == "report-ids") return report_ids();
  if (command == "report-capabilities") return report_capabilities();
  if (command == "climb" && argc == 4) return climb(std::atoi(argv[2]), argv[3]);
  std::fprintf(stderr, "usage: escape list | try ATTEMPT FACT ... | --jailed OPTION ... -- ATTEMPT FACT ...\n");
  return 2;
}

}  // namespace
}  // namespace escape

int main(int argc, char** argv) { return escape::run(argc, argv); }
