// SPDX-License-Identifier: MIT
//
// The escape battery: what an attempt is, and what all of them use.
//
// An attempt tries one thing that a jail must prevent, as an attacker who has taken over the process would, in native
// code. Rules:
// 1. It says ESCAPED only of what it holds in hand: the token that lies outside, or a call that was let through.
// 2. It runs in the process that was locked, starts no other unless that is the attempt, and needs nothing but what a
//    jail must leave: memory and write(2).
// 3. It is harmless outside, where it succeeds: what it makes it takes away, what it sets is what was set.
// 4. All that it knows about the outside comes as facts, words NAME=VALUE behind its name. The token is never a fact.
#pragma once

#include <cerrno>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace escape {

// Descriptors that the stage leaves open for every program that it starts.
inline constexpr int kOutsideDirectory = 6;  // the directory of the canary
inline constexpr int kHostRoot = 7;          // "/"
inline constexpr int kPartnerSocket = 8;     // a socket of the outside, in it a message with a descriptor of "/"
inline constexpr int kCanaryFile = 9;        // the canary, open for reading

class Facts {
 public:
  void add(std::string_view word);
  // An empty text when the driver did not say.
  [[nodiscard]] std::string text(const std::string& name) const;
  [[nodiscard]] long number(const std::string& name) const;
  // A path in the prepared root, as seen from where the attempt runs: "/w" is /tmp/.../w outside, /w inside.
  [[nodiscard]] std::string path(std::string_view inside) const { return text("top") + std::string(inside); }
  // The path of the canary from the host's root, without a slash in front.
  [[nodiscard]] std::string canary_below_root() const { return text("canary").substr(1); }

 private:
  std::map<std::string, std::string> values_;
};

struct Outcome {
  enum class Kind { kEscaped, kDenied, kUnavailable, kTried };
  Kind kind;
  std::string text;
};

Outcome escaped(std::string text);
// A call that failed: UNAVAILABLE when its error says that the kernel lacks it (ENOSYS, EAFNOSUPPORT ...), else
// DENIED.
Outcome failed(std::string_view call, int error = errno);
Outcome denied(std::string text);
// With the proof that the kernel lacks the feature. Counts only without a jail.
Outcome unavailable(std::string proof);
// Done as far as can be seen from here; whether it had an effect, the partner's journal tells the driver.
Outcome tried(std::string text);
// ESCAPED when a call returned no error.
Outcome outcome_of(std::string_view call, long result);
// Reads a descriptor and hands the text back: the driver looks for the token in it.
Outcome content_of(std::string_view how, int fd);
// Tries to get from a directory outside to the canary: by openat(2), then by fchdir(2).
Outcome use_directory(std::string_view how, int directory, const Facts& facts);

// A tiny program of its own that says ESCAPED when it is started; empty where there is none for the processor.
std::string_view tiny_program();

// Without a function, `run` is null: the driver and the stage do it all.
struct Attempt {
  const char* name;
  const char* row;       // of the list of known routes: see README.md here
  const char* who;       // who must succeed without a jail: root, user or both
  const char* settings;  // words for the driver and the stage: see README.md here
  const char* text;
  Outcome (*run)(const Facts& facts);
};

std::span<const Attempt> directory_attempts();
std::span<const Attempt> program_attempts();
std::span<const Attempt> process_attempts();
std::span<const Attempt> ipc_attempts();
std::span<const Attempt> terminal_attempts();
std::span<const Attempt> mount_attempts();
std::span<const Attempt> kernel_attempts();
std::span<const Attempt> file_attempts();
std::span<const Attempt> memory_attempts();
std::span<const Attempt> identity_attempts();
std::span<const Attempt> limit_attempts();
std::span<const Attempt> network_attempts();

}  // namespace escape
