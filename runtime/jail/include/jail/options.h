// SPDX-License-Identifier: MIT
//
// What may be asked of a jail: one table of options drives parsing and `--help`. The same words serve `safekit`,
// `tclkit --jail` and the Tcl command safekit::enter.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "jail/filter.h"
#include "jail/limits.h"
#include "jail/namespaces.h"
#include "jail/promises.h"

namespace starlit::jail {

// By the names of `--without`.
enum Layer : std::uint32_t {
  kUserLayer = 1 << 0,
  kMountLayer = 1 << 1,
  kPidLayer = 1 << 2,
  kNetLayer = 1 << 3,
  kIpcLayer = 1 << 4,
  kUtsLayer = 1 << 5,
  kCgroupLayer = 1 << 6,
  kCapabilitiesLayer = 1 << 7,
  kIdsLayer = 1 << 8,
  kNoNewPrivsLayer = 1 << 9,
  kLandlockLayer = 1 << 10,
  kSeccompLayer = 1 << 11,
  kLimitsLayer = 1 << 12,
  kEnvironmentLayer = 1 << 13,
  kSessionLayer = 1 << 14,
  kKeyringLayer = 1 << 15,
  kDescriptorsLayer = 1 << 16,
  kSelfTestLayer = 1 << 17,
};
using Layers = std::uint32_t;
inline constexpr Layers kNamespaceLayers =
    kUserLayer | kMountLayer | kPidLayer | kNetLayer | kIpcLayer | kUtsLayer | kCgroupLayer;

std::string layer_list(Layers layers);

// The last is for safekit-chroot: the root is changed and the rights are gone when the program starts.
enum class Mode { kNamespaces, kChroot, kLandlock, kChrooted };
enum class Network { kNone, kLoopback, kHost };
enum class Action { kRun, kHelp, kVersion, kExplain, kDryRun, kCheck, kPromises, kOciFilter, kLearn };

// What safekit-chroot has done before: `--chrooted FILE:DEVICE:INODE`.
struct Chrooted {
  int file = -1;  // the descriptor of what is to be run; -1 with --program
  FileId host;  // the root before
};

struct Options {
  std::set<std::string_view> named;  // those that were given: "--hostname"
  Action action = Action::kRun;
  Mode mode = Mode::kNamespaces;
  Promises promises = kDefaultPromises;
  Root root;
  Network network = Network::kNone;
  std::vector<std::uint16_t> connect_ports;
  std::vector<std::uint16_t> bind_ports;
  Limits limits;
  std::vector<std::pair<std::string, std::string>> set_environment;
  std::vector<std::string> kept_environment;
  std::string host_name = "kit";
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  bool shares_terminal = false;
  Layers without = 0;
  Denial denial = Denial::kReport;
  Chrooted chrooted;
  bool is_program = false;
  bool is_quiet = false;
  bool is_json = false;
  bool is_safe = false;
  std::vector<std::string> safe;  // the --safe options with their values, for the Tcl side
};

// Parses `words` up to the first that is no option, or behind "--". Returns what it found and how many words that
// were. Throws Error `unknown option "--x"` and its like, with code USAGE.
std::pair<Options, std::size_t> parse_options(std::span<const std::string> words);

// Throws Error where options contradict each other or nothing could enforce them.
void check_options(const Options& options);

// One line for each option, in groups; those without a help text are for programs, and not in it.
std::string options_help();

}  // namespace starlit::jail
