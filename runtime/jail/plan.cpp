// SPDX-License-Identifier: MIT

#include "jail/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "jail/descriptors.h"
#include "jail/environment.h"
#include "jail/landlock.h"
#include "jail/privileges.h"
#include "self_test.h"
#include "supervisor.h"

namespace starlit::jail {
namespace {

std::atomic<bool> locked = false;

// What the C library reads to ask name servers: resolv.conf(5), hosts(5).
constexpr const char* kResolverFiles[] = {"/etc/resolv.conf", "/etc/hosts"};

// unshare(2): EINVAL for a process with threads.
void need_single_thread() {
  if (::unshare(CLONE_THREAD) != 0) {
    throw Error(EBUSY, "THREADS",
                "couldn't lock all of the process: it has other threads (hint: enter the jail before any is made)");
  }
}

std::string mount_text(const Mount& mount) {
  switch (mount.kind) {
    case Mount::Kind::kReadOnly: return mount.source + " at " + mount.target + ", read-only";
    case Mount::Kind::kWritable: return mount.source + " at " + mount.target + ", writable";
    case Mount::Kind::kDevices: return "null, zero, full, random and urandom in " + mount.target;
    case Mount::Kind::kTmpfs: return "a tmpfs of " + size_text(mount.size_bytes) + " at " + mount.target;
  }
  return "";
}

std::string ports_text(const std::vector<std::uint16_t>& ports) {
  std::string text;
  for (const std::uint16_t port : ports) text += (text.empty() ? "" : ", ") + std::to_string(port);
  return text;
}

constexpr int kLandlockTruncateAbi = 3;
constexpr int kLandlockScopeAbi = 6;

// As the ruleset has them.
LandlockLimits landlock_limits(const Options& options) {
  LandlockLimits limits;
  limits.are_files_limited = options.mode == Mode::kLandlock;
  if (landlock_abi() < kLandlockNetAbi) return limits;
  if (!options.connect_ports.empty()) limits.connect_ports = options.connect_ports;
  if (!options.bind_ports.empty() || (options.promises & kInetServer) == 0) {
    limits.bind_ports = options.bind_ports;
    limits.bind_ports->push_back(0);
  }
  return limits;
}

[[noreturn]] void fail_step(const Step& step, const Error& error) {
  const char* hint = error.posix() == EMFILE ? " (hint: a higher --limit-files: what is open already counts)" : "";
  throw Error(error.posix(), error.code(), "couldn't set up the jail: " + step.does + ": " + error.text() + hint);
}

}  // namespace

Plan::Plan(Options options, Context context) : options_(std::move(options)), context_(std::move(context)) {
  check_options(options_);
  if (context_.is_in_process && options_.limits.time_s) {
    throw Error(EINVAL, "USAGE", "nobody outside could keep --limit-time: there is no supervisor");
  }
  if (context_.is_in_process && !options_.set_environment.empty()) {
    throw Error(EINVAL, "USAGE", "the environment of a program that runs stays: set env instead of --setenv");
  }
  if (context_.is_in_process && options_.mode == Mode::kChroot && options_.root.directory.empty()) {
    throw Error(EINVAL, "USAGE",
                "--mode chroot needs --root here: nobody would be there to remove an empty directory");
  }
  if (options_.network == Network::kHost) options_.without |= kNetLayer;
  if (context_.is_in_process) options_.without |= kPidLayer | kDescriptorsLayer | kEnvironmentLayer | kSessionLayer;
  if (options_.mode != Mode::kNamespaces) options_.without |= kNamespaceLayers & ~kMountLayer;
  if (options_.mode == Mode::kLandlock) options_.without |= kMountLayer;
  if (options_.shares_terminal) options_.without |= kSessionLayer;
  if (options_.action == Action::kLearn) options_.without |= kLandlockLayer | kSelfTestLayer;
  // The kernel counts what the user runs elsewhere too, but for a user namespace of the program's own.
  if (!has(kUserLayer) && !options_.named.contains("--limit-processes")) options_.limits.processes.reset();
  plan_process();
  plan_user(Phase::kOutside);
  plan_namespaces();
  plan_root();
  plan_rights();
  plan_lock();
}

void Plan::add(Layer layer, Phase phase, std::string does, std::string stops, std::function<void()> apply) {
  if (has(layer)) steps_.push_back({layer, phase, std::move(does), std::move(stops), std::move(apply)});
}

void Plan::plan_process() {
  add(kDescriptorsLayer, Phase::kPrepare, "open descriptors: only 0, 1 and 2, none of them a directory",
      "leaving by a directory that was left open; files of the caller", [this] {
        check_standard_descriptors();
        close_others(context_.kept);
      });
  // Landlock stops the use of one that is open.
  if (context_.is_in_process && !has(kLandlockLayer)) {
    steps_.push_back({kDescriptorsLayer, Phase::kOutside, "no directory is open", "leaving by it",
                      [] { refuse_directories({}); }});
  }
  add(kEnvironmentLayer, Phase::kPrepare, "the environment: PATH, HOME, LANG, TZ and what was asked for",
      "secrets and switches in variables", [this] { clean_environment(options_); });
}

// safekit-chroot's is a step of plan_root().
void Plan::plan_user(Phase phase) {
  const bool is_late = is_late_user();
  if (options_.mode == Mode::kChrooted || phase != (is_late ? Phase::kInside : Phase::kOutside)) return;
  const bool is_root = ::geteuid() == 0;
  if (!is_root && (is_late || (!options_.uid && !options_.gid))) return;
  const uid_t uid = options_.uid.value_or(is_root ? kNobody : ::getuid());
  const gid_t gid = options_.gid.value_or(is_root ? kNobody : ::getgid());
  // In a user namespace it has them all again, and can lower it there; else this is the last time.
  const bool is_last = is_root && !has(kUserLayer) && has(kCapabilitiesLayer);
  add(kIdsLayer, phase, "user " + std::to_string(uid) + ", group " + std::to_string(gid) + ", no other groups",
      "root's rights", [uid, gid, is_root, is_late, is_last] {
        if (is_last) lower_bounding_set();
        become(uid, gid, is_root);
        if (is_last) drop_capabilities();
        // Files of /proc/self would be root's else, and the id maps are among them: proc(5).
        if (!is_late && ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) throw posix_error("couldn't become", "dumpable");
      });
}

void Plan::plan_namespaces() {
  if (options_.mode != Mode::kNamespaces) return;
  struct Flag {
    Layer layer;
    int flag;
    const char* name;
  };
  constexpr Flag kFlags[] = {{kUserLayer, CLONE_NEWUSER, "user"}, {kMountLayer, CLONE_NEWNS, "mount"},
                             {kPidLayer, CLONE_NEWPID, "pid"},    {kNetLayer, CLONE_NEWNET, "net"},
                             {kIpcLayer, CLONE_NEWIPC, "ipc"},    {kUtsLayer, CLONE_NEWUTS, "uts"},
                             {kCgroupLayer, CLONE_NEWCGROUP, "cgroup"}};
  int flags = 0;
  std::string names;
  Layers layers = 0;
  for (const Flag& flag : kFlags) {
    if (!has(flag.layer)) continue;
    flags |= flag.flag;
    layers |= flag.layer;
    names += (names.empty() ? "" : ", ") + std::string(flag.name);
  }
  if (flags == 0) return;
  steps_.push_back({static_cast<Layer>(layers), Phase::kOutside, "new namespaces: " + names,
                    "processes, networks, message queues and mounts of the host",
                    [flags] { enter_namespaces(flags); }});
}

void Plan::plan_root() {
  if (options_.mode == Mode::kNamespaces) {
    Root root = options_.root;
    root.has_programs = (options_.promises & kExec) != 0 || options_.action == Action::kLearn;
    if ((options_.promises & kDns) != 0) {
      for (const char* path : kResolverFiles) {
        root.mounts.push_back(
            {.kind = Mount::Kind::kReadOnly, .source = path, .target = path, .may_be_missing = true});
      }
    }
    std::string what = root.directory.empty() ? "a new root: empty, read-only"
                                              : "a new root: " + root.directory +
                                                    (root.is_writable ? ", writable" : ", read-only");
    for (const Mount& mount : root.mounts) what += "; " + mount_text(mount);
    add(kMountLayer, Phase::kInside, what, "all files of the host", [root] { enter_root(root); });
    if (options_.network == Network::kLoopback) {
      add(kNetLayer, Phase::kInside, "the loopback interface of the new network", "", [] { start_loopback(); });
    }
    add(kUtsLayer, Phase::kInside, "the host name " + options_.host_name, "the name of the host",
        [name = options_.host_name] { set_host_name(name); });
  } else if (options_.mode == Mode::kChroot) {
    if (options_.root.directory.empty()) {
      add(kMountLayer, Phase::kOutside, "an empty directory", "", [this] {
        options_.root.directory = make_empty_directory();
        options_.root.is_temporary = true;
      });
    }
    add(kMountLayer, Phase::kInside,
        "chroot: " + (options_.root.directory.empty() ? "that directory" : options_.root.directory),
        "all files of the host", [this] {
          const std::string& directory = options_.root.directory;
          enter_chroot(open_chroot(directory, options_.root.is_writable), directory);
        });
  } else if (options_.mode == Mode::kChrooted) {
    add(kMountLayer, Phase::kInside, "chroot: as safekit-chroot has done", "all files of the host",
        [this] { prove_chroot(options_.chrooted.host); });
    add(kIdsLayer, Phase::kInside, "the caller's user and group", "the rights of safekit-chroot",
        [] { become(::getuid(), ::getgid(), false); });
  }
}

void Plan::plan_rights() {
  add(kSessionLayer, Phase::kInside, "a session of its own", "typing into the caller's terminal",
      [] { leave_session(); });
  add(kKeyringLayer, Phase::kInside, "a session keyring of its own", "the caller's keys", [] { leave_keyring(); });
  add(kLimitsLayer, Phase::kInside,
      "limits: memory " + size_text(options_.limits.memory_bytes) + ", processor " +
          (options_.limits.cpu_s ? std::to_string(*options_.limits.cpu_s) + "s" : "none") + ", processes " +
          (options_.limits.processes ? std::to_string(*options_.limits.processes) : "none") + ", files " +
          (options_.limits.files ? std::to_string(*options_.limits.files) : "none") + ", file size " +
          size_text(options_.limits.file_size_bytes) + ", no core dumps",
      "using up the machine", [this] { apply_limits(options_.limits); });
  plan_user(Phase::kInside);
  add(kCapabilitiesLayer, Phase::kInside, "no capabilities", "what is left of root's rights", [] {
    drop_capabilities();
    hide_from_others();
  });
}

void Plan::plan_lock() {
  add(kNoNewPrivsLayer, Phase::kLock, "no new privileges", "set-id programs", [] { forbid_new_privileges(); });
  if (has(kLandlockLayer)) {
    const int abi = need_landlock(!options_.bind_ports.empty() || !options_.connect_ports.empty());
    // Files that may not be opened for writing could be emptied by truncate(2).
    if (!has(kMountLayer) && (options_.promises & kWpath) != 0 && abi < kLandlockTruncateAbi) {
      throw Error(ENOSYS, "LANDLOCK",
                  "couldn't plan the jail: keeping wpath to what was shown needs Landlock ABI 3 (Linux 6.2), and "
                  "this kernel has " + std::to_string(abi) + " (hint: --mode namespaces)");
    }
    std::string what = "Landlock (ABI " + std::to_string(abi) + ")";
    if (!options_.connect_ports.empty()) what += "; TCP connections to port " + ports_text(options_.connect_ports);
    if (!options_.bind_ports.empty()) what += "; TCP servers at port " + ports_text(options_.bind_ports);
    const std::string stops = "files, signals and sockets outside, should another layer fail";
    add(kLandlockLayer, Phase::kLock, what, stops, [this, abi] {
      LandlockPolicy policy;
      policy.is_connect_limited = !options_.connect_ports.empty() || (options_.promises & kInetClient) == 0;
      policy.is_bind_limited = !options_.bind_ports.empty() || (options_.promises & kInetServer) == 0;
      policy.connect_ports = options_.connect_ports;
      policy.bind_ports = options_.bind_ports;
      // Any free one, as Tcl's clients ask for; where Landlock knows no ports they may take others too.
      if (abi >= kLandlockNetAbi && (options_.promises & kInetClient) != 0) policy.bind_ports.push_back(0);
      std::vector<Fd> open;
      const auto allow = [&](const std::string& path, Promises promises) {
        open.push_back(open_file(path, O_PATH));
        policy.paths.push_back({open.back().get(), promises});
      };
      if (options_.mode == Mode::kLandlock) {
        for (const char* path : kResolverFiles) {
          if ((options_.promises & kDns) != 0 && ::access(path, R_OK) == 0) allow(path, kRpath);
        }
        for (const Mount& mount : options_.root.mounts) {
          if (mount.kind == Mount::Kind::kDevices) {
            for (const char* name : kHarmlessDevices) allow(mount.target + "/" + name, options_.promises);
            continue;
          }
          const bool is_writable = mount.kind == Mount::Kind::kWritable;
          allow(mount.source, options_.promises & (is_writable ? ~Promises{0} : kRpath | kExec));
        }
      } else if (has(kMountLayer)) {
        allow("/", options_.promises);
      }
      apply_landlock(policy);
    });
  }
  plan_filter();
}

void Plan::plan_filter() {
  const bool is_learning = options_.action == Action::kLearn;
  const Promises planned = is_learning ? kDefaultPromises : options_.promises;
  Denial denial = is_learning ? Denial::kReport : options_.denial;
  // A program that is run in place of this one has no reporter.
  if (denial == Denial::kReport && options_.is_program) denial = Denial::kError;
  const bool reports = denial == Denial::kReport;
  add(kSeccompLayer, Phase::kLock, "the filter: " + promise_list(planned, " "),
      "every system call that no promise names", [=, this, report = context_.report] {
        if (context_.wanted && !is_learning) {
          const Promises wanted = context_.wanted() | kStdio;
          if (report != nullptr) report->left_out = ~wanted;
          options_.promises &= wanted;
        }
        const Promises granted = is_learning ? kDefaultPromises : options_.promises;
        if ((granted & kExec) == 0 && !is_learning) forbid_new_code();
        // First for the self-test, whose denials are not the program's.
        static Report unread;
        if (reports) start_reporter(is_learning ? report : &unread, granted, -1, is_learning);
        install_filter(build_filter(granted, denial, static_cast<int>(::getpid()),
                                    is_learning ? gate_address() : nullptr,
                                    is_learning || (granted & kExec) != 0 ? own_code() : CodeRange{}));
      });
  // With kKill the first test would be the end.
  if (denial != Denial::kKill) {
    add(kSelfTestLayer, Phase::kSelfTest, "a test of all this", "a jail that is none", [this] {
      test_self(options_, ~options_.without, outside_);
      take_denial();
    });
  }
  if (reports && !is_learning) {
    // Now: the filter lets nobody ask for the version of Landlock.
    const LandlockLimits limits = has(kLandlockLayer) ? landlock_limits(options_) : LandlockLimits{};
    add(kSeccompLayer, Phase::kSelfTest, "a line about each kind of denial", "", [this, limits] {
      start_reporter(context_.report, options_.promises, options_.is_quiet ? -1 : STDERR_FILENO, false);
      start_landlock_reporter(limits);
    });
  }
}

void Plan::take(Phase phase) {
  for (const Step& step : steps_) {
    if (step.phase != phase) continue;
    try {
      step.apply();
    } catch (const Error& error) {
      fail_step(step, error);
    }
  }
}

bool is_locked() noexcept { return locked; }

void Plan::prepare() { take(Phase::kPrepare); }

void Plan::enter() {
  struct stat status {};
  if (::stat("/", &status) == 0) outside_ = id_of(status);
  if (options_.mode == Mode::kChrooted) outside_ = options_.chrooted.host;
  need_single_thread();
  if (context_.is_in_process) {
    for (const Phase phase : {Phase::kOutside, Phase::kInside, Phase::kLock, Phase::kSelfTest}) take(phase);
    locked = true;
    return;
  }
  take(Phase::kOutside);
  const bool has_init = has(kPidLayer) && (options_.promises & (kProc | kExec)) != 0;
  Fd alive = start_supervised(options_, context_.report, has_init);
  try {
    take(Phase::kInside);
    die_with_supervisor(alive);
    alive = Fd();
    if (has_init) start_init();
    take(Phase::kLock);
    take(Phase::kSelfTest);
    locked = true;
  } catch (const Error& error) {
    std::fprintf(stderr, "safekit: %s\n", error.what());
    ::_exit(kExitJail);
  }
}

std::string Plan::listing() const {
  std::string text;
  for (const Step& step : steps_) text += step.does + "\n";
  return text;
}

std::string Plan::explanation() const {
  std::string text = "The program may\n";
  for (const PromiseName& name : promise_names()) {
    const bool is_single = (name.promises & (name.promises - 1)) == 0;
    if (is_single && (options_.promises & name.promises) != 0) {
      std::string left = "  " + std::string(name.name);
      left.resize(16, ' ');
      text += left + std::string(name.meaning) + "\n";
    }
  }
  text += "\nBefore its first line runs\n";
  for (const Step& step : steps_) {
    text += "  " + step.does + " [" + layer_list(step.layer) + "]\n";
    if (!step.stops.empty()) text += "      against " + step.stops + "\n";
  }
  text += "\nWhat stays open\n";
  const auto open = [&](const std::string& line) { text += "  " + line + "\n"; };
  open("standard input, output and error, as far as they are the caller's");
  open("the kernel's release and the time, and how fast and how loaded the machine is");
  if (options_.mode == Mode::kNamespaces && has(kUserLayer) && ::geteuid() != 0) {
    open("the caller's supplementary groups, for files that are shown to it");
  }
  if (!has(kPidLayer) && (options_.promises & (kProc | kExec)) != 0) {
    open("processes that it starts and leaves, should safekit itself be killed (SIGKILL)");
  }
  const bool has_scopes = has(kLandlockLayer) && landlock_abi() >= kLandlockScopeAbi;
  if (!has(kPidLayer) && !has_scopes && (options_.promises & kProc) != 0) {
    open("signals to all processes of the same user");
  }
  if (!has(kNetLayer) && !has_scopes && (options_.promises & kUnix) != 0) {
    open("all Unix sockets of the host that have no path (abstract ones)");
  }
  if (options_.mode == Mode::kLandlock && (options_.promises & kUnix) != 0) {
    open("all Unix sockets of the host that have a path, as far as their permissions go, and what listens there");
  }
  if (options_.network == Network::kHost) open("the host's network, for what the promises name");
  if (options_.network == Network::kHost && !options_.bind_ports.empty()) {
    open("servers at a port that the kernel chooses, whatever --bind-tcp names: listen(2) without bind(2)");
  }
  if (options_.mode == Mode::kLandlock) {
    open("the names and sizes of the host's files (stat), its process list, its host name");
  }
  if (options_.denial == Denial::kKill) {
    open("whether it is closed: with --on-denial kill it cannot be tested from within");
  }
  if (const std::string layers = layer_list(options_.without); !layers.empty()) open("left out: " + layers);
  return text;
}

}  // namespace starlit::jail
