// SPDX-License-Identifier: MIT
//
// Finds what a terminal can do (its terminfo entry) where there may be no terminfo database.
//
// ncurses takes an entry from the environment: TERMINFO=hex:<the compiled entry in hexadecimal> (terminfo(5), "Fetching
// Compiled Descriptions"; tried with ncurses 6.4). The program carries the common entries in its archive. The order:
//
//   1. the carried entry for $TERM       no file of the host is opened for the usual terminals
//   2. the host's entry for $TERM        for terminals that we do not know
//   3. the carried entry of its family   "xterm-kitty" is near enough to an xterm, and the rest to a vt100
//   4. the carried entry "dumb"          no TERM at all: editing by backspaces
//
// The environment is changed only while libedit starts, so no child of the program sees it.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace starlit {

// The compiled terminfo entry carried for a terminal name; empty where there is none.
using DescriptionReader = std::function<std::string(const std::string& name)>;

// While it lives, TERM and TERMINFO lead ncurses to the entry chosen as above. Uses setenv: one thread only.
class TerminalEnvironment {
 public:
  explicit TerminalEnvironment(const DescriptionReader& read_description);
  TerminalEnvironment(const TerminalEnvironment&) = delete;
  TerminalEnvironment& operator=(const TerminalEnvironment&) = delete;
  ~TerminalEnvironment();

 private:
  struct Saved {
    const char* name;
    std::optional<std::string> value;
  };

  bool use_carried(const DescriptionReader& read_description, const std::string& terminal);

  std::vector<Saved> saved_;
};

}  // namespace starlit
