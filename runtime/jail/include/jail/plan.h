// SPDX-License-Identifier: MIT
//
// A plan: the steps that a jail will take, made before any is taken, so that it can be shown, refused and tested
// without effect. Then they are taken in this order, and any that fails ends the process with status 125 before
// anything of the user's has run.
//
//     prepare()   in the process that was started: descriptors, environment
//     enter()     outside    ids, limits of the supervisor, namespaces; then the process forks:
//                              the parent supervises and ends with the program's status: supervisor.h
//                 inside     root, host name, session, keyring, limits, ids, capabilities
//                 lock       no new privileges, Landlock, the filter
//                 self-test  tries what must not work any more
//
// After enter() the process is locked, for good.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "jail/options.h"
#include "jail/reporter.h"

namespace starlit::jail {

enum class Phase { kPrepare, kOutside, kInside, kLock, kSelfTest };

struct Step {
  Layer layer;
  Phase phase;
  std::string does;   // "a new root: empty, read-only"
  std::string stops;  // what it is for; "" where `does` says it
  std::function<void()> apply;
};

// What a step needs from the caller.
struct Context {
  std::vector<int> kept;  // descriptors that stay open: the kit's, never a directory's
  bool is_in_process = false;  // no supervisor: the process that asks is the one that is locked
  Report* report = nullptr;
  // Called within, just before the filter: what the program itself says that it needs. It can only take away.
  std::function<Promises()> wanted;
};

class Plan {
 public:
  // Throws Error where the options contradict each other, or this kernel cannot do what they ask.
  Plan(Options options, Context context);
  Plan(const Plan&) = delete;  // its steps know it by its address
  Plan& operator=(const Plan&) = delete;

  const Options& options() const noexcept { return options_; }
  const std::vector<Step>& steps() const noexcept { return steps_; }

  // Steps, what each stops, and what stays open: for --explain.
  std::string explanation() const;
  // The steps alone: for --dry-run.
  std::string listing() const;

  // Takes the steps of the first phase. Throws Error.
  void prepare();

  // Takes the others. Returns in the locked process; where there is a supervisor, that one does not return, and a
  // step that fails ends everything with status 125. Without one it throws Error.
  void enter();

 private:
  void add(Layer layer, Phase phase, std::string does, std::string stops, std::function<void()> apply);
  void take(Phase phase);
  bool has(Layer layer) const noexcept { return (options_.without & layer) == 0; }
  // chroot(2), and namespaces without a user namespace, are for root alone: it changes its ids behind them.
  bool is_late_user() const noexcept {
    return options_.mode == Mode::kChroot || (options_.mode == Mode::kNamespaces && !has(kUserLayer));
  }

  void plan_process();
  void plan_user(Phase phase);
  void plan_namespaces();
  void plan_root();
  void plan_rights();
  void plan_lock();
  void plan_filter();

  Options options_;  // the program's own list of promises comes last
  Context context_;
  std::vector<Step> steps_;
  FileId outside_;  // the root, before
};

inline constexpr int kExitJail = 125;

// Whether this process has been locked in by enter(). A state of the process, as the lock is.
bool is_locked() noexcept;

}  // namespace starlit::jail
