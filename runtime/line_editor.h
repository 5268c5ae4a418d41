// SPDX-License-Identifier: MIT
//
// Reads lines from a terminal with editing, history and completion. All that the project knows of libedit is behind
// this header.
//
// 1. Tcl's event loop runs while a key is waited for.
// 2. The terminal is in raw mode only inside read_line(), and is put back when the process exits from there (`exit` in
//    an event handler). A signal that kills the process leaves it raw.
// 3. The keyboard's signals are keys here, so that no signal handler is needed: ^C abandons the line, ^Z and ^\ put the
//    terminal back and raise their signals. Outside read_line() all three are what the terminal makes of them.
// 4. Nothing is read from or written to disk: no .editrc, no history file.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "terminal_description.h"

namespace starlit {

class LineEditor {
 public:
  // `word` is the end of the line before the cursor; each candidate is a whole replacement for it.
  struct Completion {
    std::string word;
    std::vector<std::string> candidates;
  };
  using Completer = std::function<Completion(const std::string& before, const std::string& after)>;

  enum class Outcome { kLine, kAbandoned, kEnd };

  struct Reply {
    Outcome outcome;
    std::string line;  // UTF-8, without its newline
  };

  // Edits on file descriptors 0 and 1; null where libedit cannot. `completer` gets the line before and after the
  // cursor, in UTF-8, and must not throw.
  static std::unique_ptr<LineEditor> open(const DescriptionReader& read_description, Completer completer);

  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // `prompt` is one line of UTF-8; what takes no room on the screen (colours) is enclosed in kInvisible.
  Reply read_line(const std::string& prompt);

  // Newlines within `entry` are kept: it comes back as a whole.
  void remember(const std::string& entry);

  static constexpr char kInvisible = '\1';

 private:
  struct State;
  explicit LineEditor(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace starlit
