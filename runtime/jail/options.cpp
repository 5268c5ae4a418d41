// SPDX-License-Identifier: MIT

#include "jail/options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "base/error.h"

namespace starlit::jail {
namespace {

[[noreturn]] void fail_usage(const std::string& text) { throw Error(EINVAL, "USAGE", text); }

struct LayerName {
  std::string_view name;
  Layer layer;
};
constexpr LayerName kLayers[] = {
    {"user", kUserLayer},       {"mount", kMountLayer},
    {"pid", kPidLayer},         {"net", kNetLayer},
    {"ipc", kIpcLayer},         {"uts", kUtsLayer},
    {"cgroup", kCgroupLayer},   {"capabilities", kCapabilitiesLayer},
    {"ids", kIdsLayer},         {"no-new-privs", kNoNewPrivsLayer},
    {"landlock", kLandlockLayer}, {"seccomp", kSeccompLayer},
    {"limits", kLimitsLayer},   {"environment", kEnvironmentLayer},
    {"session", kSessionLayer}, {"keyring", kKeyringLayer},
    {"descriptors", kDescriptorsLayer}, {"self-test", kSelfTestLayer},
};

Layers parse_layers(std::string_view list) {
  Layers layers = 0;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    const std::string_view word = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    const auto layer =
        std::find_if(std::begin(kLayers), std::end(kLayers), [&](const auto& l) { return l.name == word; });
    if (layer == std::end(kLayers)) {
      fail_usage(quoted("unknown layer", word) + " (hint: they are " + layer_list(~0u) + ")");
    }
    layers |= layer->layer;
  }
  return layers;
}

template <typename T>
T parse_number(std::string_view text, T least, T most, std::string_view what) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    fail_usage(quoted("not a " + std::string(what), text) + " (hint: a number from " + std::to_string(least) +
               " to " + std::to_string(most) + ")");
  }
  return number;
}

// What a word of an option stands for.
template <typename T>
T choose(std::string_view option, std::initializer_list<std::pair<std::string_view, T>> choices,
         std::string_view word) {
  std::string names;
  for (const auto& choice : choices) {
    if (choice.first == word) return choice.second;
    if (!names.empty()) names += &choice == choices.end() - 1 ? " or " : ", ";
    names += choice.first;
  }
  fail_usage(quoted(std::string(option) + " is " + names + ", not", word));
}

std::uint16_t parse_port(std::string_view text) { return parse_number<std::uint16_t>(text, 1, 65535, "port"); }

std::string absolute(std::string_view path) {
  if (!path.starts_with('/')) {
    fail_usage(quoted("not an absolute path", path) + " (hint: TARGET is a path within, as /data)");
  }
  return std::string(path);
}

std::string bare_target(std::string_view text, std::uint64_t& size_bytes) {
  size_bytes = 16 << 20;
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return absolute(text);
  const auto size = parse_size(text.substr(colon + 1));
  if (!size) fail_usage(quoted("a tmpfs needs a size:", text));
  size_bytes = *size;
  return absolute(text.substr(0, colon));
}

std::string variable_name(std::string_view text) {
  if (text.empty() || text.find('=') != std::string_view::npos) {
    fail_usage(quoted("not a variable's name", text) + " (hint: --setenv NAME VALUE, two words; --keep-env NAME)");
  }
  return std::string(text);
}

// By whatever path.
bool is_host_root(const std::string& directory) {
  struct stat root;
  struct stat status;
  return ::stat("/", &root) == 0 && ::stat(directory.c_str(), &status) == 0 && is_same_file(root, status);
}

Chrooted parse_chrooted(std::string_view text) {
  const auto first = std::min(text.find(':'), text.size());
  const auto second = std::min(text.find(':', first + 1), text.size());
  const auto part = [&](std::size_t from, std::size_t to) {
    return from < to ? text.substr(from, to - from) : std::string_view();
  };
  const std::string_view file = part(0, first);
  Chrooted chrooted;
  chrooted.file = file == "-" ? -1 : parse_number<int>(file, 3, 1 << 20, "descriptor");
  chrooted.host.device = parse_number<dev_t>(part(first + 1, second), 0, UINT64_MAX, "device");
  chrooted.host.inode = parse_number<ino_t>(part(second + 1, text.size()), 1, UINT64_MAX, "inode");
  return chrooted;
}

using Words = std::span<const std::string>;

struct Option {
  std::string_view name;
  std::string_view values;  // "" or their names, separated by blanks
  std::string_view help;
  void (*set)(Options& options, Words values);

  std::size_t count() const noexcept {
    return values.empty() ? 0 : static_cast<std::size_t>(std::count(values.begin(), values.end(), ' ') + 1);
  }
};

struct Group {
  std::string_view title;
  std::span<const Option> options;
};

constexpr Option kPermissions[] = {
    {"--allow", "PROMISES", "what the program may do beyond `stdio rpath`; --promises lists them",
     [](Options& o, Words v) { o.promises |= parse_promises(v[0]); }},
    {"--deny", "PROMISES", "what it may not do of these",
     [](Options& o, Words v) { o.promises &= ~parse_promises(v[0]); }},
    {"--on-denial", "report|error|kill", "what a denial does: a line and EACCES, EACCES alone, the end",
     [](Options& o, Words v) {
       o.denial = choose<Denial>(
           "--on-denial", {{"report", Denial::kReport}, {"error", Denial::kError}, {"kill", Denial::kKill}}, v[0]);
     }},
};

constexpr Option kFiles[] = {
    {"--root", "DIR", "the program's /, read-only; without it an empty directory",
     [](Options& o, Words v) {
       // As a shell's variable that is not set would be; the wrapper would take the working directory.
       if (v[0].empty()) fail_usage("--root needs the name of a directory, and \"\" is none");
       o.root.directory = v[0];
     }},
    {"--writable-root", "", "that directory can be written, as far as its permissions go",
     [](Options& o, Words) { o.root.is_writable = true; }},
    {"--ro-bind", "SOURCE TARGET", "shows a file or directory of the host there, read-only",
     [](Options& o, Words v) {
       o.root.mounts.push_back({jail::Mount::Kind::kReadOnly, v[0], absolute(v[1])});
     }},
    {"--bind", "SOURCE TARGET", "the same, to be written too",
     [](Options& o, Words v) {
       o.root.mounts.push_back({jail::Mount::Kind::kWritable, v[0], absolute(v[1])});
     }},
    {"--tmpfs", "TARGET[:SIZE]", "an empty directory in memory, 16M at most unless said",
     [](Options& o, Words v) {
       jail::Mount mount{jail::Mount::Kind::kTmpfs, "", ""};
       mount.target = bare_target(v[0], mount.size_bytes);
       o.root.mounts.push_back(std::move(mount));
     }},
    {"--dev", "", "/dev/null, zero, full, random and urandom of the host",
     [](Options& o, Words) { o.root.mounts.push_back({jail::Mount::Kind::kDevices, "", "/dev"}); }},
};

constexpr Option kNetwork[] = {
    {"--net", "none|loopback|host", "none; a loopback of its own; the host's network",
     [](Options& o, Words v) {
       o.network = choose<Network>(
           "--net", {{"none", Network::kNone}, {"loopback", Network::kLoopback}, {"host", Network::kHost}}, v[0]);
     }},
    {"--connect-tcp", "PORT", "TCP connections go to this port only; may be repeated",
     [](Options& o, Words v) { o.connect_ports.push_back(parse_port(v[0])); }},
    {"--bind-tcp", "PORT", "TCP servers take this port only; may be repeated",
     [](Options& o, Words v) { o.bind_ports.push_back(parse_port(v[0])); }},
};

constexpr Option kLimitOptions[] = {
    {"--limit-memory", "SIZE", "512M of addresses, unless said",
     [](Options& o, Words v) { o.limits.memory_bytes = parse_size(v[0]); }},
    {"--limit-cpu", "TIME", "60s of processor time",
     [](Options& o, Words v) { o.limits.cpu_s = parse_duration(v[0]); }},
    {"--limit-time", "TIME", "time by the clock; none",
     [](Options& o, Words v) { o.limits.time_s = parse_duration(v[0]); }},
    {"--limit-processes", "N", "32, threads included; without a user namespace none",
     [](Options& o, Words v) { o.limits.processes = parse_count(v[0]); }},
    {"--limit-files", "N", "64 open at a time; the jail itself needs 8",
     [](Options& o, Words v) { o.limits.files = parse_count(v[0]); }},
    {"--limit-file-size", "SIZE", "16M",
     [](Options& o, Words v) { o.limits.file_size_bytes = parse_size(v[0]); }},
};

constexpr Option kSurroundings[] = {
    {"--setenv", "NAME VALUE", "a variable of the environment, which is else empty but for PATH, HOME, LANG, TZ",
     [](Options& o, Words v) { o.set_environment.emplace_back(variable_name(v[0]), v[1]); }},
    {"--keep-env", "NAME", "a variable that keeps its value",
     [](Options& o, Words v) { o.kept_environment.push_back(variable_name(v[0])); }},
    {"--hostname", "NAME", "kit",
     [](Options& o, Words v) {
       if (v[0].empty() || v[0].size() > 64) {
         fail_usage(quoted("not a host name", v[0]) + " (hint: 1 to 64 characters)");
       }
       o.host_name = v[0];
     }},
    {"--uid", "N", "the user to be: for root, who else becomes nobody",
     [](Options& o, Words v) { o.uid = parse_number<uid_t>(v[0], 1, 0xfffffffe, "user id"); }},
    {"--gid", "N", "the group to be",
     [](Options& o, Words v) { o.gid = parse_number<gid_t>(v[0], 1, 0xfffffffe, "group id"); }},
    {"--tty", "", "shares the terminal, instead of a session of its own",
     [](Options& o, Words) { o.shares_terminal = true; }},
};

constexpr Option kWays[] = {
    {"--mode", "namespaces|chroot|landlock", "the way in: without privilege; by chroot(2), for root; neither",
     [](Options& o, Words v) {
       if (o.mode == Mode::kChrooted) fail_usage("the mode is chroot already: safekit-chroot has no other");
       o.mode = choose<Mode>(
           "--mode", {{"namespaces", Mode::kNamespaces}, {"chroot", Mode::kChroot}, {"landlock", Mode::kLandlock}},
           v[0]);
     }},
    {"--chrooted", "FILE:DEVICE:INODE", "",
     [](Options& o, Words v) {
       o.mode = Mode::kChrooted;
       o.chrooted = parse_chrooted(v[0]);
     }},
    {"--without", "LAYERS", "leaves layers out: --explain names them",
     [](Options& o, Words v) { o.without |= parse_layers(v[0]); }},
    {"--program", "", "the file is a program in the root, not a kit", [](Options& o, Words) { o.is_program = true; }},
    {"--quiet", "", "no lines about denials, no summary", [](Options& o, Words) { o.is_quiet = true; }},
};

// Kept as words, behind one another: the Tcl side reads them.
template <const char* name>
void keep_safe(Options& options, Words values) {
  options.is_safe = true;
  options.safe.emplace_back(name);
  options.safe.insert(options.safe.end(), values.begin(), values.end());
}
constexpr char kSafeRead[] = "--safe-read";
constexpr char kSafeWrite[] = "--safe-write";
constexpr char kSafeExec[] = "--safe-exec";
constexpr char kSafeTime[] = "--safe-time";
constexpr char kSafeCommands[] = "--safe-commands";

constexpr Option kSafe[] = {
    {"--safe", "", "runs main.tcl in a safe interpreter, within all this",
     [](Options& o, Words) { o.is_safe = true; }},
    {kSafeRead, "PATH", "what it may read of the root: a directory or file; may be repeated", keep_safe<kSafeRead>},
    {kSafeWrite, "PATH", "what it may write", keep_safe<kSafeWrite>},
    {kSafeExec, "PATH", "what it may run", keep_safe<kSafeExec>},
    {kSafeTime, "TIME", "time by the clock that its script may take", keep_safe<kSafeTime>},
    {kSafeCommands, "N", "the number of Tcl commands that it may take", keep_safe<kSafeCommands>},
};

constexpr Option kActions[] = {
    {"--explain", "", "prints the plan: each step, what it stops, what stays open",
     [](Options& o, Words) { o.action = Action::kExplain; }},
    {"--dry-run", "", "prints the steps and does nothing", [](Options& o, Words) { o.action = Action::kDryRun; }},
    {"--check", "", "prints what this kernel offers", [](Options& o, Words) { o.action = Action::kCheck; }},
    {"--learn", "", "runs the program WITHOUT a jail, then prints the promises that it needs",
     [](Options& o, Words) { o.action = Action::kLearn; }},
    {"--promises", "", "prints the promises, call by call", [](Options& o, Words) { o.action = Action::kPromises; }},
    {"--oci-filter", "", "prints the filter of these promises as `linux.seccomp` of an OCI config.json",
     [](Options& o, Words) { o.action = Action::kOciFilter; }},
    {"--json", "", "--check as JSON", [](Options& o, Words) { o.is_json = true; }},
    {"--help", "", "prints this text", [](Options& o, Words) { o.action = Action::kHelp; }},
    {"--version", "", "prints the version", [](Options& o, Words) { o.action = Action::kVersion; }},
};

constexpr Group kGroups[] = {
    {"What it may do", kPermissions}, {"Files", kFiles}, {"Network", kNetwork},
    {"Limits (none lifts one)", kLimitOptions}, {"Surroundings", kSurroundings}, {"A safe interpreter", kSafe},
    {"The jail", kWays}, {"Instead of running", kActions},
};

const Option* find_option(std::string_view name) {
  for (const Group& group : kGroups) {
    for (const Option& option : group.options) {
      if (option.name == name) return &option;
    }
  }
  return nullptr;
}

// Open at a time while the jail is set up, with one to spare: the standard ones, the program's file twice, a ruleset
// of Landlock's and what it shows.
std::uint64_t least_files(const Options& options) {
  std::uint64_t least = 8;
  if (options.mode != Mode::kLandlock) return least;
  for (const Mount& mount : options.root.mounts) {
    least += mount.kind == Mount::Kind::kDevices ? std::size(kHarmlessDevices) : 1;
  }
  return least + ((options.promises & kDns) != 0 ? 2 : 0);
}

}  // namespace

std::string layer_list(Layers layers) {
  std::string text;
  for (const LayerName& layer : kLayers) {
    if ((layers & layer.layer) == 0) continue;
    if (!text.empty()) text += ' ';
    text += layer.name;
  }
  return text;
}

std::pair<Options, std::size_t> parse_options(std::span<const std::string> words) {
  Options options;
  std::size_t at = 0;
  while (at < words.size() && words[at].starts_with("-") && words[at].size() > 1) {
    std::string name = words[at++];
    if (name == "--") break;
    std::optional<std::string> joined;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      joined = name.substr(equals + 1);
      name.resize(equals);
    }
    const Option* option = find_option(name);
    if (option == nullptr) fail_usage(quoted("unknown option", name) + " (hint: safekit --help lists them)");
    std::vector<std::string> values;
    if (joined) values.push_back(*joined);
    while (values.size() < option->count()) {
      if (at == words.size()) fail_usage(name + " needs " + std::string(option->values));
      values.push_back(words[at++]);
    }
    if (values.size() > option->count()) fail_usage(name + " takes no value");
    option->set(options, values);
    options.named.insert(option->name);
  }
  return {std::move(options), at};
}

void check_options(const Options& options) {
  const auto refuse = [](const std::string& text) { throw Error(EINVAL, "USAGE", text); };
  if ((options.promises & kStdio) == 0) refuse("nothing runs without the promise stdio");
  const auto lacks = [&](Layers layers) { return (options.without & layers) != 0; };
  const bool has_root = options.mode != Mode::kLandlock && !lacks(kMountLayer);
  if (options.mode == Mode::kChrooted && lacks(kMountLayer | kCapabilitiesLayer | kIdsLayer | kNoNewPrivsLayer)) {
    refuse("safekit-chroot leaves out neither mount nor capabilities, ids or no-new-privs");
  }
  if (options.mode != Mode::kNamespaces) {
    for (const Mount& mount : options.root.mounts) {
      const bool is_in_place = mount.source == mount.target || mount.kind == Mount::Kind::kDevices;
      const bool is_chroot = options.mode == Mode::kChroot || options.mode == Mode::kChrooted;
      if (is_chroot || mount.kind == Mount::Kind::kTmpfs || !is_in_place) {
        refuse(quoted("nothing can be mounted at", mount.target) + " in this mode (hint: --mode namespaces)");
      }
    }
    if (options.mode == Mode::kLandlock && (options.promises & (kFattr | kChown)) != 0) {
      refuse("--mode landlock cannot keep fattr and chown to what was shown: they would hold for all files of the "
             "host");
    }
    if (options.network == Network::kLoopback) refuse("a loopback of its own needs --mode namespaces");
    if (options.network == Network::kNone && (options.promises & (kInetClient | kInetServer | kUdp | kDns)) != 0) {
      refuse("the network can be kept away by --mode namespaces alone, and " +
             promise_list(options.promises & (kInetClient | kInetServer | kUdp | kDns), ",") +
             " is promised (hint: --net host, if it may use the host's)");
    }
    if (options.named.contains("--hostname")) refuse("--hostname needs --mode namespaces");
    if (options.mode == Mode::kChroot && lacks(kMountLayer)) {
      refuse("--mode chroot is nothing without the layer mount");
    }
  } else if (lacks(kMountLayer) && !options.root.mounts.empty()) {
    refuse(quoted("nothing can be mounted at", options.root.mounts.front().target) + " without the layer mount");
  }
  if (!has_root && !options.root.directory.empty()) {
    refuse("--root needs a way to change the root (hint: --mode namespaces or chroot, with the layer mount)");
  }
  if (options.root.is_writable && options.root.directory.empty() && options.mode != Mode::kChrooted) {
    refuse("--writable-root needs --root (hint: --tmpfs TARGET or --bind SOURCE TARGET gives a place to write)");
  }
  if (has_root && options.mode != Mode::kChrooted && !options.root.directory.empty() &&
      is_host_root(options.root.directory)) {
    refuse(quoted("couldn't use as the root", options.root.directory) +
           ": it is the host's own (hint: --ro-bind /usr /usr shows a part of it)");
  }
  if (options.network == Network::kLoopback && lacks(kNetLayer)) refuse("a loopback of its own needs the layer net");
  if (options.named.contains("--hostname") && lacks(kUtsLayer)) refuse("--hostname needs the layer uts");
  // --limit-time is the supervisor's.
  const bool names_limits = std::any_of(options.named.begin(), options.named.end(), [](std::string_view name) {
    return name.starts_with("--limit-") && name != "--limit-time";
  });
  if (names_limits && lacks(kLimitsLayer)) refuse("the layer limits is left out, and a limit is asked for");
  if (!lacks(kLimitsLayer) && options.limits.files && *options.limits.files < least_files(options)) {
    refuse("--limit-files " + std::to_string(*options.limits.files) + " is too few: the jail itself needs " +
           std::to_string(least_files(options)));
  }
  if (!options.set_environment.empty() && lacks(kEnvironmentLayer)) refuse("--setenv needs the layer environment");
  if ((options.uid || options.gid) && lacks(kIdsLayer)) refuse("--uid and --gid need the layer ids");
  if ((options.uid.value_or(::getuid()) != ::getuid() || options.gid.value_or(::getgid()) != ::getgid()) &&
      ::geteuid() != 0) {
    refuse("only root can become another user: --uid and --gid are for it");
  }
  if (options.denial != Denial::kReport && lacks(kSeccompLayer)) refuse("--on-denial needs the layer seccomp");
  if (options.action == Action::kLearn) {
    if (lacks(kSeccompLayer)) refuse("--learn needs the layer seccomp");
    if (options.is_program) {
      refuse("--learn is for kits and scripts: a program that is run in place of safekit cannot be watched");
    }
    if (options.denial != Denial::kReport) refuse("--learn denies nothing, so --on-denial has no meaning");
  }
  if (options.is_json && options.action != Action::kCheck) refuse("--json is for --check");
  if (options.is_program && options.is_safe) refuse("--safe is for kits, and --program says that it is none");
  if ((options.without & kUserLayer) != 0 && options.mode == Mode::kNamespaces &&
      (options.without & kNamespaceLayers) != kNamespaceLayers && ::geteuid() != 0) {
    refuse("without the user namespace only root can make the others");
  }
  if (options.is_program && (options.promises & kExec) == 0) {
    refuse("a program needs the promise exec (hint: --allow exec)");
  }
  const bool has_ports = !options.bind_ports.empty() || !options.connect_ports.empty();
  if (has_ports && (options.without & kLandlockLayer) != 0) {
    refuse("ports can only be limited by Landlock, which is left out");
  }
  if (!options.connect_ports.empty() && (options.promises & kInetClient) == 0) {
    refuse("--connect-tcp needs the promise inet:client");
  }
  if (!options.bind_ports.empty() && (options.promises & kInetServer) == 0) {
    refuse("--bind-tcp needs the promise inet:server");
  }
  if ((options.without & kNoNewPrivsLayer) != 0 && (options.without & (kSeccompLayer | kLandlockLayer)) !=
                                                      (kSeccompLayer | kLandlockLayer)) {
    refuse("Landlock and seccomp need no-new-privs: leave all three out, or none");
  }
}

std::string options_help() {
  std::string text;
  for (const Group& group : kGroups) {
    text += "\n" + std::string(group.title) + "\n";
    for (const Option& option : group.options) {
      if (option.help.empty()) continue;
      std::string left = "  " + std::string(option.name);
      if (!option.values.empty()) left += " " + std::string(option.values);
      left.resize(std::max<std::size_t>(left.size() + 2, 32), ' ');
      text += left + std::string(option.help) + "\n";
    }
  }
  return text;
}

}  // namespace starlit::jail
