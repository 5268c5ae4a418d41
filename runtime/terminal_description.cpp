// SPDX-License-Identifier: MIT

#include "terminal_description.h"

#include <cstdlib>
#include <string_view>

// ncurses' own declaration, in <term.h> beside a hundred macros with everyday names. 1 means found.
extern "C" int tgetent(char* buffer, const char* terminal);

namespace starlit {
namespace {

struct Family {
  std::string_view prefix;
  const char* terminal;
};

// The first prefix that fits counts. The terminals on the right are carried (assemble.tcl).
constexpr Family kFamilies[] = {
    {"xterm", "xterm-256color"},
    {"screen", "screen"},
    {"tmux", "tmux"},
    {"rxvt", "rxvt"},
    {"linux", "linux"},
    {"vt52", "dumb"},
    {"vt", "vt100"},
    {"alacritty", "xterm"},
    {"foot", "xterm"},
    {"kitty", "xterm"},
    {"wezterm", "xterm"},
    {"konsole", "xterm"},
    {"gnome", "xterm"},
    {"ghostty", "xterm"},
    {"putty", "xterm"},
    {"st-", "xterm"},
    {"ansi", "ansi"},
};

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

// A terminal that nobody knows is today most likely one that follows the VT100.
std::string family_of(std::string_view terminal) {
  if (terminal.empty() || terminal == "unknown") return "dumb";
  for (const Family& family : kFamilies) {
    if (terminal.starts_with(family.prefix)) return family.terminal;
  }
  return "vt100";
}

std::string in_hexadecimal(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string digits;
  digits.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    digits += kDigits[static_cast<unsigned char>(byte) >> 4];
    digits += kDigits[static_cast<unsigned char>(byte) & 0xF];
  }
  return digits;
}

}  // namespace

TerminalEnvironment::TerminalEnvironment(const DescriptionReader& read_description)
    : saved_{{"TERM", environment("TERM")}, {"TERMINFO", environment("TERMINFO")}} {
  const std::string terminal = saved_[0].value.value_or("");
  if (use_carried(read_description, terminal)) return;
  if (!terminal.empty() && tgetent(nullptr, terminal.c_str()) == 1) return;
  if (use_carried(read_description, family_of(terminal))) return;
  use_carried(read_description, "dumb");
}

TerminalEnvironment::~TerminalEnvironment() {
  for (const Saved& variable : saved_) {
    if (variable.value) {
      ::setenv(variable.name, variable.value->c_str(), 1);
    } else {
      ::unsetenv(variable.name);
    }
  }
}

bool TerminalEnvironment::use_carried(const DescriptionReader& read_description, const std::string& terminal) {
  // The name becomes part of a path: a slash would lead out of the folder.
  if (terminal.empty() || terminal.front() == '.' || terminal.find('/') != std::string::npos) return false;
  const std::string entry = read_description(terminal);
  if (entry.empty()) return false;
  ::setenv("TERM", terminal.c_str(), 1);
  ::setenv("TERMINFO", ("hex:" + in_hexadecimal(entry)).c_str(), 1);
  return true;
}

}  // namespace starlit
