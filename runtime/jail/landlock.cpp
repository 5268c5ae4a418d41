// SPDX-License-Identifier: MIT
//
// The kernel's interface is written down here, as headers of distributions are years behind their kernels.

#include "jail/landlock.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "base/error.h"

namespace starlit::jail {
namespace {

// include/uapi/linux/landlock.h
constexpr std::uint64_t kExecute = 1 << 0;
constexpr std::uint64_t kWriteFile = 1 << 1;
constexpr std::uint64_t kReadFile = 1 << 2;
constexpr std::uint64_t kReadDirectory = 1 << 3;
constexpr std::uint64_t kRemoveDirectory = 1 << 4;
constexpr std::uint64_t kRemoveFile = 1 << 5;
constexpr std::uint64_t kMakeCharacter = 1 << 6;
constexpr std::uint64_t kMakeDirectory = 1 << 7;
constexpr std::uint64_t kMakeRegular = 1 << 8;
constexpr std::uint64_t kMakeSocket = 1 << 9;
constexpr std::uint64_t kMakeFifo = 1 << 10;
constexpr std::uint64_t kMakeBlock = 1 << 11;
constexpr std::uint64_t kMakeLink = 1 << 12;
constexpr std::uint64_t kRefer = 1 << 13;
constexpr std::uint64_t kTruncate = 1 << 14;
constexpr std::uint64_t kIoctlDevice = 1 << 15;
constexpr std::uint64_t kBindTcp = 1 << 0;
constexpr std::uint64_t kConnectTcp = 1 << 1;
constexpr std::uint64_t kScopeAbstractSocket = 1 << 0;
constexpr std::uint64_t kScopeSignal = 1 << 1;

constexpr std::uint64_t kFirstRights = (1 << 13) - 1;  // ABI 1
constexpr std::uint64_t kFileRights = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDevice;

constexpr unsigned kVersionFlag = 1;
constexpr int kPathRule = 1;
constexpr int kPortRule = 2;

struct RulesetAttributes {
  std::uint64_t filesystem;
  std::uint64_t network;
  std::uint64_t scope;
};
struct [[gnu::packed]] PathAttributes {
  std::uint64_t access;
  std::int32_t fd;
};
struct PortAttributes {
  std::uint64_t access;
  std::uint64_t port;
};

// The numbers are the same on all architectures.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;

struct Version {
  int abi;
  std::string_view linux_version;
  std::string_view brings;
  std::uint64_t filesystem;
  std::uint64_t network;
  std::uint64_t scope;
};
constexpr Version kVersions[] = {
    {1, "5.13", "files and directories", kFirstRights, 0, 0},
    {2, "5.19", "renaming and linking between directories", kRefer, 0, 0},
    {3, "6.2", "truncating", kTruncate, 0, 0},
    {4, "6.7", "TCP ports", 0, kBindTcp | kConnectTcp, 0},
    {5, "6.10", "ioctl on devices", kIoctlDevice, 0, 0},
    {6, "6.12", "signals and abstract sockets", 0, 0, kScopeAbstractSocket | kScopeSignal},
};

std::uint64_t rights_of(Promises promises) noexcept {
  std::uint64_t rights = 0;
  if ((promises & kRpath) != 0) rights |= kReadFile | kReadDirectory;
  if ((promises & kWpath) != 0) rights |= kWriteFile | kTruncate;
  if ((promises & kCpath) != 0) {
    rights |= kRemoveDirectory | kRemoveFile | kMakeDirectory | kMakeRegular | kMakeSocket | kMakeFifo | kMakeLink |
              kRefer;
  }
  if ((promises & kExec) != 0) rights |= kExecute;
  return rights;
}

long add_rule(const Fd& ruleset, int kind, const void* attributes) noexcept {
  return ::syscall(kAddRule, ruleset.get(), kind, attributes, 0);
}

}  // namespace

int landlock_abi() noexcept {
  const long abi = ::syscall(kCreateRuleset, nullptr, 0, kVersionFlag);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

int need_landlock(bool limits_ports) {
  const int abi = landlock_abi();
  if (abi == 0) {
    throw Error(ENOSYS, "LANDLOCK",
                "couldn't plan the jail: this kernel has no Landlock, which came with Linux 5.13 (hint: without it: "
                "--without landlock)");
  }
  if (limits_ports && abi < kLandlockNetAbi) {
    throw Error(ENOSYS, "LANDLOCK",
                "couldn't plan the jail: limits for TCP ports need Landlock ABI 4 (Linux 6.7), and this kernel has " +
                    std::to_string(abi));
  }
  return abi;
}

std::vector<LandlockFeature> landlock_features() {
  std::vector<LandlockFeature> features;
  for (const Version& version : kVersions) features.push_back({version.abi, version.linux_version, version.brings});
  return features;
}

void apply_landlock(const LandlockPolicy& policy) {
  const int abi = need_landlock(!policy.bind_ports.empty() || !policy.connect_ports.empty());
  RulesetAttributes handled{};
  for (const Version& version : kVersions) {
    if (version.abi > abi) break;
    handled.filesystem |= version.filesystem;
    handled.network |= version.network;
    handled.scope |= version.scope;
  }
  if (!policy.is_bind_limited) handled.network &= ~kBindTcp;
  if (!policy.is_connect_limited) handled.network &= ~kConnectTcp;
  const Fd ruleset(static_cast<int>(::syscall(kCreateRuleset, &handled, sizeof handled, 0)));
  if (!ruleset) throw posix_error("couldn't make", "a Landlock ruleset");
  for (const auto& below : policy.paths) {
    struct stat status;
    if (::fstat(below.fd, &status) != 0) throw posix_error("couldn't look at", "a path of the Landlock rules");
    const std::uint64_t most = S_ISDIR(status.st_mode) ? ~std::uint64_t{0} : kFileRights;
    const PathAttributes rule = {rights_of(below.promises) & most & handled.filesystem, below.fd};
    if (rule.access == 0) continue;
    if (add_rule(ruleset, kPathRule, &rule) != 0) throw posix_error("couldn't add", "a Landlock rule for a path");
  }
  const auto add_ports = [&](const std::vector<std::uint16_t>& ports, std::uint64_t access) {
    if (access == 0) return;
    for (const std::uint16_t port : ports) {
      const PortAttributes rule = {access, port};
      if (add_rule(ruleset, kPortRule, &rule) != 0) throw posix_error("couldn't add", "a Landlock rule for a port");
    }
  };
  if (policy.is_bind_limited) add_ports(policy.bind_ports, kBindTcp & handled.network);
  if (policy.is_connect_limited) add_ports(policy.connect_ports, kConnectTcp & handled.network);
  if (::syscall(kRestrictSelf, ruleset.get(), 0) != 0) throw posix_error("couldn't apply", "the Landlock rules");
}

}  // namespace starlit::jail
