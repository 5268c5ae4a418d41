// SPDX-License-Identifier: MIT
//
// Being someone else, knowing what the caller knows, changing the machine: ids, capabilities, the environment, the
// clock, the host's name. And a thread that was there before the jail.

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "attempt.h"

namespace escape {
namespace {

// Only root outside may read it: mode 0600. A root of a namespace of one's own is not enough.
Outcome read_private(std::string_view how, const Facts& facts) {
  return content_of(how, open(facts.path("/private").c_str(), O_RDONLY));
}

Outcome regain_resuid(const Facts& facts) {
  if (setresuid(static_cast<uid_t>(-1), 0, static_cast<uid_t>(-1)) != 0) return failed("setresuid(-1, 0, -1)");
  return read_private("setresuid(-1, 0, -1), open", facts);
}

Outcome regain_uid(const Facts& facts) {
  if (setuid(0) != 0) return failed("setuid(0)");
  return read_private("setuid(0), open", facts);
}

Outcome regain_fsuid(const Facts& facts) {
  setfsuid(0);
  return read_private("setfsuid(0), open", facts);
}

Outcome regain_group(const Facts&) { return outcome_of("setresgid(0, 0, 0)", setresgid(0, 0, 0)); }

Outcome regain_groups(const Facts&) {
  const gid_t group = 0;
  return outcome_of("setgroups(0)", setgroups(1, &group));
}

Outcome keep_root(const Facts& facts) { return read_private("open of root's file", facts); }

Outcome capabilities(const Facts&) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return failed("capget");
  const unsigned long long permitted = data[0].permitted | static_cast<unsigned long long>(data[1].permitted) << 32;
  return permitted == 0 ? denied("no capability") : escaped("capabilities " + std::to_string(permitted));
}

Outcome raise_capability(const Facts&) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  data[0].effective = data[0].permitted = 1U << CAP_SYS_CHROOT;
  return outcome_of("capset", syscall(SYS_capset, &header, data));
}

Outcome bounding_set(const Facts&) {
  const int result = prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN);
  if (result == 0) return denied("CAP_SYS_ADMIN is not in the bounding set");
  return outcome_of("prctl(PR_CAPBSET_READ)", result);
}

Outcome environment(const Facts&) {
  const char* secret = std::getenv("STARLIT_SECRET");
  return secret == nullptr ? denied("no such variable") : escaped("STARLIT_SECRET is " + std::string(secret));
}

Outcome environment_tcl(const Facts&) {
  for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "TCL_LIBRARY", "TCLLIBPATH", "TCL8_6_TM_PATH"}) {
    if (const char* value = std::getenv(name)) return escaped(std::string(name) + " is " + value);
  }
  return denied("none of LD_PRELOAD, TCL_LIBRARY, TCLLIBPATH ...");
}

// The kernel puts the environment above the stack, where it stays when clearenv(3) forgets it.
Outcome environment_memory(const Facts&) {
  constexpr std::string_view kName = "STARLIT_SECRET=";
  const char here = 0;
  const char* at = &here;
  // The name of the program's file is the last thing there: https://lwn.net/Articles/631631/
  const char* end = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (end == nullptr || end < at) return denied("no end of the stack is known");
  const std::string_view stack(at, static_cast<std::size_t>(end - at));
  for (auto found = stack.find(kName); found != std::string_view::npos; found = stack.find(kName, found + 1)) {
    const std::string_view value = stack.substr(found + kName.size());
    if (value.size() >= 32 && value[0] != '\0')
      return escaped("above the stack: " + std::string(value.substr(0, 80)));
  }
  return denied("not above the stack");
}

Outcome environment_proc(const Facts&) {
  return content_of("/proc/self/environ", open("/proc/self/environ", O_RDONLY));
}

Outcome host_name(const Facts& facts) {
  utsname names;
  if (uname(&names) != 0) return failed("uname");
  if (facts.text("hostname") != names.nodename) return denied("uname: " + std::string(names.nodename));
  return escaped("uname: the host is " + std::string(names.nodename));
}

Outcome system_state(const Facts&) {
  struct sysinfo info;
  return outcome_of("sysinfo", sysinfo(&info));
}

Outcome set_host_name(const Facts&) { return outcome_of("sethostname", sethostname("escaped", 7)); }
Outcome set_domain_name(const Facts&) { return outcome_of("setdomainname", setdomainname("escaped", 7)); }

// To what it is, so that where this is allowed the clock loses less than a microsecond.
Outcome set_clock(const Facts&) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return outcome_of("clock_settime", clock_settime(CLOCK_REALTIME, &now));
}

Outcome set_clock_old(const Facts&) {
  timeval now;
  gettimeofday(&now, nullptr);
  return outcome_of("settimeofday", settimeofday(&now, nullptr));
}

Outcome adjust_clock(const Facts&) {
  timex adjustment{};
  if (adjtimex(&adjustment) < 0) return failed("adjtimex");
  adjustment.modes = ADJ_TICK;
  return outcome_of("adjtimex", adjtimex(&adjustment));
}

// A locked thread does not help when its neighbour is free: main() starts it before the jail.
Outcome sibling(const Facts& facts) {
  return content_of("a thread of before, open", open(facts.text("canary").c_str(), O_RDONLY));
}

constexpr Attempt kAttempts[] = {
    {"regain-resuid", "30", "root", "evidence=token prepared", "becomes root again by setresuid", regain_resuid},
    {"regain-uid", "30", "root", "evidence=token prepared", "becomes root again by setuid", regain_uid},
    {"regain-fsuid", "30", "root", "evidence=token prepared", "becomes root again for files only", regain_fsuid},
    {"regain-group", "30", "root", "", "gets root's group again", regain_group},
    {"regain-groups", "30", "root", "", "sets its groups", regain_groups},
    {"keep-root", "30", "root", "evidence=token prepared", "reads a file of root's", keep_root},
    {"capabilities", "30", "root", "", "has capabilities", capabilities},
    {"capset", "30", "root", "", "takes a capability", raise_capability},
    {"bounding-set", "30", "both", "", "could get capabilities by starting a program", bounding_set},
    {"environment", "21", "both", "evidence=token", "reads a secret in its environment", environment},
    {"environment-tcl", "21", "both", "", "is told to load the caller's libraries", environment_tcl},
    {"environment-memory", "21", "both", "evidence=token", "finds the secret above its stack", environment_memory},
    {"environment-proc", "21", "both", "evidence=token", "finds the secret in /proc/self/environ", environment_proc},
    {"hostname", "26", "both", "", "learns the name of the host", host_name},
    {"sysinfo", "26", "both", "", "learns memory, load and uptime of the host", system_state},
    {"sethostname", "26", "root", "names", "sets the name of the host", set_host_name},
    {"setdomainname", "26", "root", "names", "sets the domain of the host", set_domain_name},
    {"clock-set", "25", "root", "", "sets the clock", set_clock},
    {"clock-set-old", "25", "root", "", "sets the clock by settimeofday", set_clock_old},
    {"clock-adjust", "25", "root", "", "sets the pace of the clock", adjust_clock},
    {"sibling-thread", "32", "both", "evidence=token refusable thread", "a thread from before the jail reads a file",
     sibling},
};

}  // namespace

std::span<const Attempt> identity_attempts() { return kAttempts; }

}  // namespace escape
