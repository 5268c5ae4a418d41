// SPDX-License-Identifier: MIT
//
// The loop of the shell, after Tcl_MainEx of Tcl 8.6 (generic/tclMain.c): lines are put together until they make a
// complete command, which is evaluated at the global level and recorded in Tcl's own history. An incomplete command at
// the end of input is dropped there, and so here.
//
// Lines come from one of two sources:
//
//   PlainLines    the channel stdin; with a prompt while tcl_interactive is true
//   EditedLines   the line editor, on a terminal
//
// tcl_interactive is linked to the loop, as there: a script that sets it switches prompts and results on and off, and
// can set it to nothing but a boolean.
//
// Scripts that belong to the shell lie in the archive and are read when they are first needed, so that a piped shell
// pays nothing for them.

#include "shell.h"

#include <poll.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "driver/tcl.h"
#include "line_editor.h"

namespace starlit {
namespace {

constexpr const char* kPrimaryPrompt = "% ";
constexpr const char* kContinuationPrompt = "> ";

struct CloseChannel {
  void operator()(Tcl_Channel channel) const noexcept { Tcl_Close(nullptr, channel); }
};

struct ReleaseInterp {
  void operator()(Tcl_Interp* interp) const noexcept { Tcl_Release(interp); }
};

using Channel = std::unique_ptr<std::remove_pointer_t<Tcl_Channel>, CloseChannel>;

// Keeps the memory of an interpreter that a script may delete meanwhile.
using InterpGuard = std::unique_ptr<Tcl_Interp, ReleaseInterp>;

InterpGuard hold(Tcl_Interp* interp) {
  Tcl_Preserve(interp);
  return InterpGuard(interp);
}

void write_line(int standard_channel, Tcl_Obj* text) {
  const Tcl_Channel channel = Tcl_GetStdChannel(standard_channel);
  if (channel == nullptr) return;
  Tcl_WriteObj(channel, text);
  Tcl_WriteChars(channel, "\n", 1);
}

void flush_stdout() {
  const Tcl_Channel channel = Tcl_GetStdChannel(TCL_STDOUT);
  if (channel != nullptr) Tcl_Flush(channel);
}

// `<tcl_library>/../starlit/<name>`, or null without a library.
Obj own_file(Tcl_Interp* interp, const std::string& name) {
  Tcl_Obj* library = Tcl_GetVar2Ex(interp, "tcl_library", nullptr, TCL_GLOBAL_ONLY);
  if (library == nullptr) return Obj();
  const Obj parts[] = {Obj(new_string("..")), Obj(new_string("starlit")), Obj(new_string(name))};
  Tcl_Obj* raw[] = {parts[0].get(), parts[1].get(), parts[2].get()};
  return Obj(Tcl_FSJoinToPath(library, 3, raw));
}

// Evaluates a command that `script` in the archive defines. Null on failure. The interpreter's result and error state
// stay as they were, except that a failure stays there where `keeps_error` is set.
Obj call_own(Tcl_Interp* interp, const char* script, const std::vector<Tcl_Obj*>& words, bool keeps_error = false) {
  const Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);
  int code = TCL_OK;
  if (Tcl_FindCommand(interp, Tcl_GetString(words.front()), nullptr, TCL_GLOBAL_ONLY) == nullptr) {
    const Obj path = own_file(interp, script);
    code = path ? Tcl_FSEvalFileEx(interp, path.get(), "utf-8") : TCL_ERROR;
  }
  if (code == TCL_OK) code = Tcl_EvalObjv(interp, static_cast<Tcl_Size>(words.size()), words.data(), TCL_EVAL_GLOBAL);
  Obj result = code == TCL_OK ? Obj(Tcl_GetObjResult(interp)) : Obj();
  if (code != TCL_OK && keeps_error) {
    Tcl_DiscardInterpState(state);
  } else {
    Tcl_RestoreInterpState(interp, state);
  }
  return result;
}

// The compiled terminfo entry in the archive; empty where there is none.
std::string read_description(Tcl_Interp* interp, const std::string& terminal) {
  const Obj path = own_file(interp, "terminfo/" + terminal);
  if (!path) return "";
  const Channel channel(Tcl_FSOpenFileChannel(nullptr, path.get(), "r", 0));
  if (!channel) return "";
  Tcl_SetChannelOption(nullptr, channel.get(), "-translation", "binary");
  const Obj content(Tcl_NewObj());
  if (Tcl_ReadChars(channel.get(), content.get(), -1, 0) < 0) return "";
  return std::string(bytes_of(content.get()));
}

// Where the lines of commands come from.
class LineSource {
 public:
  enum class Outcome { kLine, kAbandoned, kEnd };

  virtual ~LineSource() = default;

  // Appends a line to `command` (unshared), which holds the lines before it, each with its newline.
  virtual Outcome read_line(Tcl_Obj* command) = 0;

  virtual void remember(Tcl_Obj* command) = 0;
};

bool is_continued(Tcl_Obj* command) { return *Tcl_GetString(command) != '\0'; }

// Waits where a script has set stdin to non-blocking: Tcl_MainEx would spin.
void wait_for_stdin() {
  constexpr int kPatienceMs = 100;
  pollfd poll_fd{STDIN_FILENO, POLLIN, 0};
  ::poll(&poll_fd, 1, kPatienceMs);
}

// The prompt script in tcl_prompt1 or tcl_prompt2, or null.
Tcl_Obj* prompt_script(Tcl_Interp* interp, bool continued) {
  return Tcl_GetVar2Ex(interp, continued ? "tcl_prompt2" : "tcl_prompt1", nullptr, TCL_GLOBAL_ONLY);
}

void report_prompt_error(Tcl_Interp* interp) {
  Tcl_AddErrorInfo(interp, "\n    (script that generates prompt)");
  write_line(TCL_STDERR, Tcl_GetObjResult(interp));
}

class PlainLines : public LineSource {
 public:
  PlainLines(Tcl_Interp* interp, const int& is_interactive) : interp_(interp), is_interactive_(is_interactive) {}

  Outcome read_line(Tcl_Obj* command) override {
    // No prompt where nothing can follow; and the prompt's script may close stdin, too.
    if (Tcl_GetStdChannel(TCL_STDIN) == nullptr) return Outcome::kEnd;
    if (is_interactive_ != 0) write_prompt(is_continued(command));
    for (;;) {
      const Tcl_Channel channel = Tcl_GetStdChannel(TCL_STDIN);
      if (channel == nullptr) return Outcome::kEnd;
      if (Tcl_GetsObj(channel, command) >= 0) return Outcome::kLine;
      if (!Tcl_InputBlocked(channel)) return Outcome::kEnd;
      wait_for_stdin();
    }
  }

  void remember(Tcl_Obj* /*command*/) override {}

 private:
  void write_prompt(bool continued) {
    Tcl_Obj* script = prompt_script(interp_, continued);
    bool is_written = script != nullptr;
    if (script != nullptr && Tcl_EvalObjEx(interp_, Obj(script).get(), TCL_EVAL_GLOBAL) != TCL_OK) {
      report_prompt_error(interp_);
      is_written = false;
    }
    const Tcl_Channel channel = Tcl_GetStdChannel(TCL_STDOUT);
    if (channel != nullptr && !is_written && !continued) Tcl_WriteChars(channel, kPrimaryPrompt, -1);
    flush_stdout();
  }

  Tcl_Interp* interp_;
  const int& is_interactive_;  // linked to tcl_interactive
};

class EditedLines : public LineSource {
 public:
  // Null where the terminal cannot be edited on.
  static std::unique_ptr<EditedLines> open(Tcl_Interp* interp, const int& is_interactive) {
    std::unique_ptr<EditedLines> lines(new EditedLines(interp, is_interactive));
    EditedLines* self = lines.get();
    lines->editor_ = LineEditor::open(
        [interp](const std::string& terminal) { return read_description(interp, terminal); },
        [self](const std::string& before, const std::string& after) { return self->complete(before, after); });
    if (lines->editor_ == nullptr) return nullptr;
    return lines;
  }

  Outcome read_line(Tcl_Obj* command) override {
    if (Tcl_GetStdChannel(TCL_STDIN) == nullptr) return Outcome::kEnd;
    earlier_lines_ = to_utf8(string_of(command));
    const std::string prompt = is_interactive_ != 0 ? prompt_text(is_continued(command)) : "";
    flush_stdout();
    const LineEditor::Reply reply = editor_->read_line(prompt);
    switch (reply.outcome) {
      case LineEditor::Outcome::kAbandoned:
        return Outcome::kAbandoned;
      case LineEditor::Outcome::kEnd:
        end_line();
        return Outcome::kEnd;
      case LineEditor::Outcome::kLine:
        break;
    }
    Tcl_AppendObjToObj(command, Obj(from_utf8(reply.line)).get());
    return Outcome::kLine;
  }

  void remember(Tcl_Obj* command) override {
    const std::string text = to_utf8(string_of(command));
    if (text.find_first_not_of(" \t\n") != std::string::npos) editor_->remember(text);
  }

 private:
  EditedLines(Tcl_Interp* interp, const int& is_interactive) : interp_(interp), is_interactive_(is_interactive) {}

  // The parent's prompt is to begin on a line of its own.
  static void end_line() {
    const Tcl_Channel channel = Tcl_GetStdChannel(TCL_STDOUT);
    if (channel != nullptr) Tcl_WriteChars(channel, "\n", 1);
    flush_stdout();
  }

  std::string prompt_text(bool continued) {
    Tcl_Obj* script = prompt_script(interp_, continued);
    if (script != nullptr) {
      const Obj command(new_string("::starlit::prompt"));
      const Obj argument(script);
      if (const Obj text = call_own(interp_, "prompt.tcl", {command.get(), argument.get()}, true)) {
        return to_utf8(string_of(text.get()));
      }
      report_prompt_error(interp_);
    }
    return continued ? kContinuationPrompt : kPrimaryPrompt;
  }

  // Asks ::starlit::complete (completion.tcl) about the whole command; a candidate may not reach into earlier lines.
  LineEditor::Completion complete(const std::string& before, const std::string& after) {
    const Obj command(new_string("::starlit::complete"));
    const Obj text(from_utf8(earlier_lines_ + before));
    const Tcl_Size cursor = Tcl_GetCharLength(text.get());
    const Obj line(from_utf8(earlier_lines_ + before + after));
    const Obj cursor_word(Tcl_NewWideIntObj(cursor));
    const Obj result = call_own(interp_, "completion.tcl", {command.get(), line.get(), cursor_word.get()});
    if (!result) return {};
    Tcl_Size count = 0;
    Tcl_Obj** elements = nullptr;
    int start = 0;
    if (Tcl_ListObjGetElements(nullptr, result.get(), &count, &elements) != TCL_OK || count < 2) return {};
    if (Tcl_GetIntFromObj(nullptr, elements[0], &start) != TCL_OK) return {};
    if (start < Tcl_GetCharLength(Obj(from_utf8(earlier_lines_)).get()) || start > cursor) return {};
    LineEditor::Completion completion;
    if (start < cursor) completion.word = to_utf8(string_of(Obj(Tcl_GetRange(text.get(), start, cursor - 1)).get()));
    for (Tcl_Size i = 1; i < count; ++i) completion.candidates.push_back(to_utf8(string_of(elements[i])));
    return completion;
  }

  Tcl_Interp* interp_;
  const int& is_interactive_;  // linked to tcl_interactive
  std::string earlier_lines_;
  std::unique_ptr<LineEditor> editor_;
};

std::unique_ptr<LineSource> open_lines(Tcl_Interp* interp, const int& is_interactive) {
  if (is_interactive != 0 && ::isatty(STDOUT_FILENO) != 0) {
    if (auto lines = EditedLines::open(interp, is_interactive)) return lines;
  }
  return std::make_unique<PlainLines>(interp, is_interactive);
}

// Reads lines until they are a complete command, without its last newline. Null at the end of input.
Obj next_command(LineSource& lines) {
  Obj command(Tcl_NewObj());
  for (;;) {
    switch (lines.read_line(command.get())) {
      case LineSource::Outcome::kEnd:
        return Obj();
      case LineSource::Outcome::kAbandoned:
        command = Obj(Tcl_NewObj());
        continue;
      case LineSource::Outcome::kLine:
        break;
    }
    Tcl_AppendToObj(command.get(), "\n", 1);
    if (Tcl_CommandComplete(Tcl_GetString(command.get())) == 0) continue;
    Tcl_Size length = 0;
    Tcl_GetStringFromObj(command.get(), &length);
    Tcl_SetObjLength(command.get(), length - 1);
    return command;
  }
}

void evaluate(Tcl_Interp* interp, Tcl_Obj* command, const int& is_interactive) {
  const int code = Tcl_RecordAndEvalObj(interp, command, TCL_EVAL_GLOBAL);
  const Obj result(Tcl_GetObjResult(interp));
  if (code != TCL_OK) {
    write_line(TCL_STDERR, result.get());
  } else if (is_interactive != 0 && *Tcl_GetString(result.get()) != '\0') {
    write_line(TCL_STDOUT, result.get());
  }
}

}  // namespace

int run_shell(Tcl_Interp* interp) {
  const InterpGuard guard = hold(interp);
  int is_interactive = ::isatty(STDIN_FILENO);
  Tcl_LinkVar(interp, "tcl_interactive", reinterpret_cast<char*>(&is_interactive), TCL_LINK_BOOLEAN);
  const std::unique_ptr<LineSource> lines = open_lines(interp, is_interactive);
  while (!Tcl_InterpDeleted(interp)) {
    const Obj command = next_command(*lines);
    if (!command || Tcl_InterpDeleted(interp)) break;
    lines->remember(command.get());
    evaluate(interp, command.get(), is_interactive);
  }
  // Scripts go on running after this function: handlers of exit.
  if (!Tcl_InterpDeleted(interp)) Tcl_UnlinkVar(interp, "tcl_interactive");
  return 0;
}

}  // namespace starlit
