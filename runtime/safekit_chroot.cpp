// SPDX-License-Identifier: MIT
//
// `safekit-chroot`: the way in for hosts without user namespaces, and for the record: what the wrapper of 2002 did,
// with a file capability (setcap cap_sys_chroot+ep) or as a set-user-id program. It changes the root to the working
// directory, gives up what it could do, and starts the `safekit` beside it, by descriptor, which does the rest.
//
//     rights laid down     effective ids are the caller's, no capability is in effect; up to the last lines
//     descriptors          0, 1 and 2 checked, all others closed
//     opened, as caller    /proc/self/exe, its directory, `safekit` in that; the root; the kit
//     checked              what was opened, never a path: owners, modes, that the wrapper does not lie below the root
//     rights taken up      chroot(2), then given up for good: bounding set, groups, ids, capabilities, no_new_privs
//     execveat(2)          safekit --chrooted ..., in a clean environment: session, keyring, limits, Landlock, filter
//
// 1. Only --root, --writable-root, --uid and --gid (for root), --keep-env and --program mean something here. All
//    others are read by safekit, in a process that can do nothing any more that its caller could not: none gains a
//    right.
// 2. Nothing is looked up by name once the rights are up, no file of the root is touched, and nothing is retried.
// 3. Whatever fails ends the process with status 125.

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "jail/descriptors.h"
#include "jail/environment.h"
#include "jail/namespaces.h"
#include "jail/plan.h"
#include "jail/privileges.h"

namespace starlit {
namespace {

constexpr const char* kSafekit = "safekit";
constexpr const char* kUsage =
    "usage: safekit-chroot ?OPTION ...? ?--? FILE ?ARGUMENT ...?\n"
    "\n"
    "Runs a kit, a starpack or a Tcl script with the working directory (or --root DIR) as its root, where user\n"
    "namespaces are not to be had. It needs the right to call chroot(2), from root:\n"
    "\n"
    "    setcap cap_sys_chroot+ep safekit-chroot     or     chmod u+s safekit-chroot\n"
    "\n"
    "and lies outside of all directories that it is used for, beside `safekit`. Options are those of `safekit\n"
    "--help`, less what needs namespaces. With the capability the caller's supplementary groups stay.\n";

[[noreturn]] void refuse(const std::string& text) { throw Error(EPERM, "CHROOT", text); }

void become_effective(uid_t uid) {
  if (::geteuid() == uid) return;
  if (::seteuid(uid) != 0 || ::geteuid() != uid) throw posix_error("couldn't change", "rights");
}

// For a caller who is not root: no capability is in effect, or chroot(2)'s alone. Those of a set-user-id program come
// and go with the effective id: capabilities(7).
class Rights {
 public:
  // Lays them down. What the caller may do as root stays.
  Rights() : lent_(::geteuid()) {
    if (::getegid() != ::getgid()) refuse("safekit-chroot is no set-group-id program");
    if (::getuid() == 0) return;
    become_effective(::getuid());
    jail::set_effective(0);
  }
  void take_up() const {
    if (::getuid() == 0) return;
    if (lent_ == ::getuid()) return jail::set_effective(1u << CAP_SYS_CHROOT);
    become_effective(lent_);
  }
  // For good, and proved.
  static void give_up(uid_t uid, gid_t gid) {
    const bool is_root = ::geteuid() == 0;
    if (is_root) jail::lower_bounding_set();
    jail::become(uid, gid, is_root);
    jail::drop_capabilities();
    jail::forbid_new_privileges();
    if (::setresuid(static_cast<uid_t>(-1), 0, static_cast<uid_t>(-1)) == 0) refuse("couldn't give up being root");
    if (::chroot("/") == 0) refuse("couldn't give up chroot");
  }

 private:
  uid_t lent_;
};

Fd open_at(int directory, const char* path, int flags, const std::string& name) {
  Fd fd(::openat(directory, path, flags | O_CLOEXEC));
  if (!fd) throw posix_error("couldn't open", name);
  return fd;
}

// The path of what is open, from the kernel.
std::string path_of(const Fd& fd) {
  char path[PATH_MAX];
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), path, sizeof path);
  if (size <= 0 || path[0] != '/') refuse("couldn't find the path of what is open (hint: it needs /proc)");
  return std::string(path, static_cast<std::size_t>(size));
}

// The directory that this program lies in.
Fd open_own_directory() {
  const Fd self = open_file("/proc/self/exe", O_PATH);
  const std::string path = path_of(self);
  const auto slash = path.rfind('/');
  Fd directory = open_file(path.substr(0, slash + 1), O_PATH | O_DIRECTORY);
  struct stat there;
  if (::fstatat(directory.get(), path.c_str() + slash + 1, &there, AT_SYMLINK_NOFOLLOW) != 0 ||
      !is_same_file(there, stat_fd(self, path))) {
    refuse(quoted("couldn't find itself at", path));
  }
  return directory;
}

// What lies below the root can be renamed, replaced and started from within.
void refuse_inside(const Fd& own, const struct stat& root, const std::string& name) {
  Fd at(::fcntl(own.get(), F_DUPFD_CLOEXEC, 3));
  for (;;) {
    const struct stat here = stat_fd(at, "..");
    if (is_same_file(here, root)) {
      refuse(quoted("couldn't use as the root", name) +
             ": safekit-chroot lies in it (hint: install it outside, with safekit beside it)");
    }
    Fd parent = open_at(at.get(), "..", O_PATH | O_DIRECTORY, "..");
    if (is_same_file(stat_fd(parent, ".."), here)) return;
    at = std::move(parent);
  }
}

Fd open_safekit(const Fd& own) {
  Fd safekit = open_at(own.get(), kSafekit, O_PATH | O_NOFOLLOW, kSafekit);
  const struct stat status = stat_fd(safekit, kSafekit);
  const bool is_ours = status.st_uid == 0 || status.st_uid == ::getuid();
  if (!S_ISREG(status.st_mode) || !is_ours || (status.st_mode & 022) != 0) {
    refuse(quoted("couldn't use", kSafekit) + ": others may write to it");
  }
  return safekit;
}

using Strings = std::vector<std::string>;

[[noreturn]] void start(const Fd& safekit, const Strings& words, const Strings& environment) {
  const auto pointers = [](const Strings& strings) {
    std::vector<char*> result;
    for (const std::string& string : strings) result.push_back(const_cast<char*>(string.c_str()));
    result.push_back(nullptr);
    return result;
  };
  ::syscall(SYS_execveat, safekit.get(), "", pointers(words).data(), pointers(environment).data(), AT_EMPTY_PATH);
  throw posix_error("couldn't run", kSafekit);
}

void reset_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0 || ::signal(SIGCHLD, SIG_DFL) == SIG_ERR) {
    throw posix_error("couldn't reset", "signals");
  }
}

[[noreturn]] void run(const std::vector<std::string>& words) {
  const Rights rights;
  jail::check_standard_descriptors();
  jail::close_others({});
  reset_signals();

  auto [options, count] = jail::parse_options(words);
  if (options.mode == jail::Mode::kChrooted) throw Error(EINVAL, "USAGE", quoted("unknown option", "--chrooted"));
  const bool is_root = ::getuid() == 0;
  if (!is_root && (options.uid || options.gid)) throw Error(EINVAL, "USAGE", "--uid and --gid are for root");
  const uid_t uid = is_root ? options.uid.value_or(jail::kNobody) : ::getuid();
  const gid_t gid = is_root ? options.gid.value_or(jail::kNobody) : ::getgid();
  const auto options_end = words.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<std::string> command = {kSafekit};
  const Fd own = open_own_directory();
  const Fd safekit = open_safekit(own);
  if (options.action == jail::Action::kHelp) {
    std::fputs(kUsage, stdout);
    std::exit(std::fflush(stdout) == 0 ? 0 : jail::kExitJail);
  }
  if (options.action != jail::Action::kRun && options.action != jail::Action::kLearn) {
    Rights::give_up(uid, gid);
    command.insert(command.end(), {"--mode", "chroot", "--root", "."});
    command.insert(command.end(), words.begin(), options_end);
    start(safekit, command, {});
  }
  if (count == words.size()) throw Error(EINVAL, "USAGE", "what is to be run? (hint: safekit-chroot --help)");

  const std::string directory = options.root.directory.empty() ? "." : options.root.directory;
  const Fd root = jail::open_chroot(directory, options.root.is_writable);
  refuse_inside(own, stat_fd(root, directory), directory);
  std::string path = words[count];
  Fd file;
  if (!options.is_program) {
    file = open_regular(path);
    path = path_of(file);
    // As it is seen from within, where it can be.
    const std::string top = path_of(root) + "/";
    if (path.starts_with(top)) path.erase(0, top.size() - 1);
    if (::fcntl(file.get(), F_SETFD, 0) != 0) throw posix_error("couldn't keep", path);
  }
  struct stat host;
  if (::stat("/", &host) != 0) throw posix_error("couldn't stat", "/");
  command.insert(command.end(), {"--chrooted", (file ? std::to_string(file.get()) : "-") + ":" +
                                                   std::to_string(host.st_dev) + ":" + std::to_string(host.st_ino)});
  command.insert(command.end(), words.begin(), options_end);
  if (count == 0 || words[count - 1] != "--") command.emplace_back("--");
  command.push_back(path);
  command.insert(command.end(), options_end + 1, words.end());
  Strings environment;
  for (const auto& [name, value] : jail::kept_variables(options)) environment.push_back(name + "=" + value);

  rights.take_up();
  jail::enter_chroot(root, directory);
  Rights::give_up(uid, gid);
  start(safekit, command, environment);
}

}  // namespace
}  // namespace starlit

int main(int argc, char* argv[]) {
  if (argc < 1) return starlit::jail::kExitJail;
  try {
    starlit::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "safekit-chroot: %s\n", error.what());
  }
  return starlit::jail::kExitJail;
}
