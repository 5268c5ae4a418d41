// SPDX-License-Identifier: MIT
//
// What the fuzzers share.
//
// A fuzzer is one function, run_input(), over bytes that an attacker gives. It is linked with entry.cpp into a
// libFuzzer program (preset fuzz, `./dev fuzz`), and with replay.cpp into an ordinary program that runs files through
// it, once each (a test of every preset).
//
// Rules
// 1. An input has three good ends: an answer, an Error, or being too large to bother. All else is a finding: a crash,
//    another exception, an answer that breaks a promise of the headers (require()), no end, memory without bound.
// 2. A run is the same each time and leaves nothing behind.
// 3. Limits are the fuzzer's own (kReadMax) only where the work that is asked for is legitimate, if much.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "archive/archive.h"
#include "base/error.h"

namespace starlit {

// Runs one input. Whether all of it was answered without an Error: so is what the corpus says is good.
bool run_input(Bytes input);

// A promise: ends the process, which libFuzzer and the test both see, when it is not kept.
void require(bool kept, const char* promise);

// Asks an archive everything that its interface knows, and checks the answers against each other as far as they must
// agree in a damaged one too. Returns whether every question was answered without an Error.
bool explore(Archive& archive);

// No more content than this is read from one archive: a small one may state gigabytes, honestly.
inline constexpr std::int64_t kReadMax = 32 << 20;
inline constexpr std::int64_t kMembersMax = 5000;

// Runs `body`; false when it throws an Error. An Error must say something.
template <typename Body>
bool answers(Body&& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    require(!error.text().empty(), "an error has a text");
    require(error.posix() != 0, "an error has an errno");
    require(error.text().find('\n') == std::string::npos, "an error is one line");
    return false;
  }
}

// Takes values off the front of an input; what is not there is zero or empty.
class Choices {
 public:
  explicit Choices(Bytes input) : rest_(reinterpret_cast<const char*>(input.data()), input.size()) {}

  std::uint64_t number(std::size_t size_bytes) {
    std::uint64_t value = 0;
    for (const char c : text(size_bytes)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }

  std::string_view text(std::size_t size_bytes) {
    const std::string_view front = rest_.substr(0, size_bytes);
    rest_.remove_prefix(front.size());
    return front;
  }

  // A text with its size, two bytes, in front.
  std::string_view sized_text() { return text(static_cast<std::size_t>(number(2))); }

  std::string_view rest() { return text(rest_.size()); }
  bool empty() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// A directory that is removed, with all in it, when its owner ends. In memory where there is a place for that.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory();

  const std::string& path() const noexcept { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  // Writes a file in it.
  std::string put(std::string_view name, std::string_view content) const;

  // Removes a name in it and all below.
  void remove(std::string_view name) const noexcept;

 private:
  std::string path_;
};

}  // namespace starlit
