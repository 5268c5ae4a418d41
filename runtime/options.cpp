// SPDX-License-Identifier: MIT

#include "options.h"

#include <algorithm>
#include <string_view>

namespace starlit {
namespace {

// One row an option drives the parser and the help.
struct Row {
  std::string_view name;
  std::string_view value;  // what the option takes, or empty
  Mode mode;
  std::string_view help;
};

constexpr Row kRows[] = {
    {"-encoding", "ENCODING", Mode::kScript, "read the script in this encoding (default: the system encoding, UTF-8)"},
    {"-", "", Mode::kStdin, "read the script from standard input"},
    {"--jail", "", Mode::kUsage, "lock the script or kit in; must come first, options of safekit may follow"},
    {"--version", "", Mode::kVersion, "print the versions of the runtime and of what is linked in, and exit"},
    {"--licenses", "", Mode::kLicenses, "print the licences of all that is in this file, and exit"},
    {"--help", "", Mode::kHelp, "print this help, and exit"},
};

constexpr std::string_view kUsage =
    "usage: tclkit ?-encoding ENCODING? SCRIPT|KIT ?arg ...?\n"
    "       tclkit - ?arg ...?\n"
    "       tclkit --jail ?OPTION ...? SCRIPT|KIT ?arg ...?\n"
    "       tclkit\n"
    "\n"
    "Runs a Tcl script, or a kit (a file that holds a whole application), with everything it needs of Tcl inside this\n"
    "one program. Without arguments it is a shell; what comes on a pipe it runs as a script.\n"
    "\n";

constexpr std::string_view kStatuses =
    "\n"
    "Exit status: that of the script; 1 when the script fails or cannot be run, 2 for a wrong option. Commands on a\n"
    "pipe without `-` are those of a shell: it reports an error and goes on, as tclsh does.\n";

}  // namespace

Options parse_options(int argc, char* const argv[]) {
  Options options;
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  auto word = words.begin();
  while (word != words.end() && word->starts_with('-')) {
    const auto row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.name == *word; });
    if (row == std::end(kRows)) {
      options.mode = Mode::kUsage;
      options.message = "unknown option \"" + *word + "\" (hint: tclkit --help)";
      return options;
    }
    ++word;
    if (row->mode == Mode::kUsage) {
      options.mode = Mode::kUsage;
      options.message = "option \"" + std::string(row->name) + "\" must come first";
      return options;
    }
    if (row->value.empty()) {
      options.mode = row->mode;
      break;
    }
    if (word == words.end()) {
      options.mode = Mode::kUsage;
      options.message = "option \"" + std::string(row->name) + "\" needs a value";
      return options;
    }
    options.encoding = *word++;
  }
  if (options.mode == Mode::kShell && word != words.end()) {
    options.mode = Mode::kScript;
    options.script = *word++;
  } else if (options.mode == Mode::kShell && !options.encoding.empty()) {
    options.mode = Mode::kUsage;
    options.message = "option \"-encoding\" needs a script behind it";
  }
  options.arguments.assign(word, words.end());
  return options;
}

std::string help_text() {
  std::string text(kUsage);
  for (const Row& row : kRows) {
    std::string left = "  " + std::string(row.name) + (row.value.empty() ? "" : " " + std::string(row.value));
    left.resize(std::max<std::size_t>(left.size() + 2, 24), ' ');
    text += left + std::string(row.help) + "\n";
  }
  return text + std::string(kStatuses);
}

}  // namespace starlit
