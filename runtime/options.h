// SPDX-License-Identifier: MIT
//
// The command line of `tclkit` itself. A starpack has none: every argument is the application's.

#pragma once

#include <string>
#include <vector>

namespace starlit {

enum class Mode {
  kShell,     // nothing to run: the shell, or a script on stdin that is no terminal
  kStdin,     // `-`: a script on stdin
  kScript,    // a script or a kit
  kVersion,
  kHelp,
  kLicenses,
  kUsage,     // a wrong option: `message` says what
};

struct Options {
  Mode mode = Mode::kShell;
  std::string script;                  // a path of the host, as typed
  std::string encoding;                // of the script, or empty
  std::vector<std::string> arguments;  // for the script
  std::string message;
};

Options parse_options(int argc, char* const argv[]);

// What --help prints.
std::string help_text();

// Exit statuses of `tclkit`, as --help lists them.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

}  // namespace starlit
