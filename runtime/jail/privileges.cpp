// SPDX-License-Identifier: MIT

#include "jail/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "base/error.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1UL
#endif

namespace starlit::jail {
namespace {

// capget(2): of version 3 there are two, for the lower and the upper 32 capabilities.
using CapabilitySets = std::array<__user_cap_data_struct, 2>;

CapabilitySets capabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  CapabilitySets sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) throw posix_error("couldn't read", "the capabilities");
  return sets;
}

void set_capabilities(const CapabilitySets& sets, const char* verb) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  if (::syscall(SYS_capset, &header, sets.data()) != 0) throw posix_error(verb, "the capabilities");
}

// The root of a user namespace with no other users in it is refused each of these: user_namespaces(7).
[[noreturn]] void fail_id(const char* verb, const std::string& what) {
  const Error cause = posix_error(verb, what);
  const bool is_alone = cause.posix() == EPERM || cause.posix() == EINVAL;
  throw Error(cause.posix(), cause.code(),
              cause.text() + (is_alone ? " (hint: this root is alone in a user namespace, as with unshare -r; start "
                                         "safekit as an ordinary user, or map more ids)"
                                       : ""));
}

[[noreturn]] void fail(const char* what) { throw Error(EPERM, "PROOF", std::string("couldn't give up ") + what); }

}  // namespace

void forbid_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw posix_error("couldn't set", "no_new_privs");
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) fail("new privileges");
}

bool has_lent_rights() {
  if (::getauxval(AT_SECURE) == 0) return false;
  const auto sets = capabilities();
  return ::getuid() != ::geteuid() || ::getgid() != ::getegid() || (sets[0].permitted | sets[1].permitted) != 0;
}

void lower_bounding_set() {
  // Without CAP_SETPCAP it cannot be lowered; with no_new_privs and no capability it means nothing.
  const bool can_lower = (capabilities()[0].effective & (1u << CAP_SETPCAP)) != 0;
  if (can_lower) {
    for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
      if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) throw posix_error("couldn't lower", "the bounding set");
    }
    constexpr unsigned long kLocked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (::prctl(PR_SET_SECUREBITS, kLocked, 0, 0, 0) != 0) throw posix_error("couldn't lock", "the secure bits");
  }
}

void drop_capabilities() {
  lower_bounding_set();
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) {
    throw posix_error("couldn't clear", "the ambient capabilities");
  }
  set_capabilities({}, "couldn't clear");
  for (const auto& after : capabilities()) {
    if ((after.effective | after.permitted | after.inheritable) != 0) fail("capabilities");
  }
}

void set_effective(std::uint32_t mask) {
  CapabilitySets sets = capabilities();
  sets[0].effective = sets[0].permitted & mask;
  sets[1].effective = 0;
  set_capabilities(sets, "couldn't change");
}

void become(uid_t uid, gid_t gid, bool can_drop_groups) {
  if (can_drop_groups && ::setgroups(0, nullptr) != 0) fail_id("couldn't leave", "the supplementary groups");
  if (::setresgid(gid, gid, gid) != 0) fail_id("couldn't become", "group " + std::to_string(gid));
  if (::setresuid(uid, uid, uid) != 0) fail_id("couldn't become", "user " + std::to_string(uid));
  if (can_drop_groups && ::getgroups(0, nullptr) != 0) fail("the supplementary groups");
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;
  if (::getresuid(&real, &effective, &saved) != 0 || ::getresgid(&real_group, &effective_group, &saved_group) != 0 ||
      real != uid || effective != uid || saved != uid || real_group != gid || effective_group != gid ||
      saved_group != gid) {
    fail("the caller's ids");
  }
}

void leave_keyring() {
  // A kernel without keys has none to leave.
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS) {
    throw posix_error("couldn't leave", "the session keyring");
  }
}

void leave_session() {
  // EPERM: it leads its process group; a child that was forked for the jail does not.
  if (::setsid() < 0 && ::getsid(0) != ::getpid()) throw posix_error("couldn't leave", "the session");
}

void hide_from_others() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) throw posix_error("couldn't forbid", "dumps");
}

void forbid_new_code() {
  if (::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0 && errno != EINVAL) {
    throw posix_error("couldn't forbid", "new code");
  }
}

}  // namespace starlit::jail
