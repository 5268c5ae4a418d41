// SPDX-License-Identifier: MIT

#include "jail/namespaces.h"

#include <errno.h>
#include <string.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

namespace starlit::jail {
namespace {

// The first line of a file of /proc/sys, or "" where there is none.
std::string setting(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[32];
  const ssize_t n = fd ? ::read(fd.get(), text, sizeof text) : 0;
  std::string value(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  return value.substr(0, value.find('\n'));
}

// Why user namespaces are refused, as far as can be told.
std::string refusal_hint() {
  constexpr const char* kAppArmor = "kernel.apparmor_restrict_unprivileged_userns";
  if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1") {
    return std::string(" (hint: ") + kAppArmor + "=1 forbids it; set it to 0, or use --mode landlock)";
  }
  if (setting("/proc/sys/kernel/unprivileged_userns_clone") == "0") {
    return " (hint: kernel.unprivileged_userns_clone=0 forbids it; set it to 1, or use --mode landlock)";
  }
  if (setting("/proc/sys/user/max_user_namespaces") == "0") {
    return " (hint: user.max_user_namespaces=0 forbids it; raise it, or use --mode landlock)";
  }
  return " (hint: use --mode landlock, which needs no namespaces)";
}

[[noreturn]] void fail_refused(const char* step, int error) {
  throw Error(error, "USERNS",
              std::string("this system refuses user namespaces without privilege: ") + step + ": " +
                  ::strerrordesc_np(error) + refusal_hint());
}

void write_map(const char* path, const std::string& text) {
  const Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    throw Error(ENOENT, "USERNS",
                std::string("couldn't open ") + path +
                    ", through which a user namespace is set up (hint: mount -t proc proc /proc; else --mode "
                    "landlock)");
  }
  if (!fd) fail_refused(path, errno);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) fail_refused(path, errno);
}

}  // namespace

void enter_namespaces(int flags) {
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  if (::unshare(flags) != 0) {
    if ((flags & CLONE_NEWUSER) != 0) fail_refused("unshare", errno);
    throw posix_error("couldn't make", "the namespaces");
  }
  if ((flags & CLONE_NEWUSER) == 0) return;
  write_map("/proc/self/setgroups", "deny");
  write_map("/proc/self/uid_map", uid + " " + uid + " 1\n");
  write_map("/proc/self/gid_map", gid + " " + gid + " 1\n");
}

void set_host_name(const std::string& name) {
  if (::sethostname(name.data(), name.size()) != 0) throw posix_error("couldn't set the host name", name);
  if (::setdomainname("", 0) != 0) throw posix_error("couldn't set", "the domain name");
}

void start_loopback() {
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  struct ifreq request {};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (!fd || ::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) throw posix_error("couldn't switch on", "lo");
}

}  // namespace starlit::jail
