// SPDX-License-Identifier: MIT

#include "jail/kernel.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "jail/landlock.h"
#include "jail/namespaces.h"

namespace starlit::jail {
namespace {

// 0 or an errno.
int try_in_child(int (*attempt)()) {
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) ::_exit(attempt());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

template <int flags>
int try_namespaces() {
  try {
    enter_namespaces(CLONE_NEWUSER | flags);
    return 0;
  } catch (const Error& error) {
    return error.posix();
  }
}

int try_root() {
  try {
    enter_namespaces(CLONE_NEWUSER | CLONE_NEWNS);
    enter_root({});
    return 0;
  } catch (const Error& error) {
    return error.posix();
  }
}

int try_seccomp() {
  const unsigned action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? 0 : errno;
}

int try_no_new_privs() { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno; }

int try_close_range() { return ::syscall(SYS_close_range, ~0u - 1, ~0u, 0) == 0 ? 0 : errno; }

struct Feature {
  const char* name;
  int (*attempt)();
  const char* purpose;
};
constexpr Feature kFeatures[] = {
    {"user-namespace", try_namespaces<0>, "everything else without privilege"},
    {"mount-namespace", try_namespaces<CLONE_NEWNS>, "a root of its own"},
    {"new-root", try_root, "an empty, read-only root"},
    {"pid-namespace", try_namespaces<CLONE_NEWPID>, "no other process in sight"},
    {"net-namespace", try_namespaces<CLONE_NEWNET>, "no network"},
    {"ipc-namespace", try_namespaces<CLONE_NEWIPC>, "no shared memory or message queues of others"},
    {"uts-namespace", try_namespaces<CLONE_NEWUTS>, "a host name of its own"},
    {"cgroup-namespace", try_namespaces<CLONE_NEWCGROUP>, "no sight of the host's control groups"},
    {"no-new-privs", try_no_new_privs, "set-id programs give nothing"},
    {"seccomp", try_seccomp, "system calls by promises"},
    {"close-range", try_close_range, "closing what was left open"},
};

}  // namespace

std::string kernel_report(bool as_json) {
  struct utsname name;
  ::uname(&name);
  const std::string release = name.release;
  std::string text = as_json ? "{\"linux\": \"" + release + "\"" : "Linux " + release + "\n";
  const auto add = [&](const std::string& feature, bool is_there, const std::string& why,
                       const std::string& purpose) {
    if (as_json) {
      text += ", \"" + feature + "\": " + (is_there ? "true" : "false");
      return;
    }
    std::string left = "  " + feature;
    left.resize(24, ' ');
    text += left + (is_there ? "yes  " : "no   ") + purpose + (why.empty() ? "" : " (" + why + ")") + "\n";
  };
  for (const Feature& feature : kFeatures) {
    const int error = try_in_child(feature.attempt);
    add(feature.name, error == 0, error == 0 ? "" : ::strerrordesc_np(error), feature.purpose);
  }
  const int abi = landlock_abi();
  for (const LandlockFeature& feature : landlock_features()) {
    add("landlock-" + std::to_string(feature.abi), abi >= feature.abi,
        abi >= feature.abi ? "" : "Linux " + std::string(feature.linux_version), std::string(feature.brings));
  }
  return text + (as_json ? "}\n" : "");
}

}  // namespace starlit::jail
