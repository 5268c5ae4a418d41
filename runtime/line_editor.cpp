// SPDX-License-Identifier: MIT
//
// libedit 3.1-20221030 behind the interface of line_editor.h.
//
// libedit calls back to get a key (read_key), the prompt (current_prompt) and at TAB (complete_word); its client data
// is the State. Only its wide-character functions are used: the others convert by the locale, which may not be there.
//
// Its own signal handling (EL_SIGNAL) is off: with a reader of our own it would lose its handlers after the first
// signal (its read_char, src/read.c, is what puts them back). A new window size is noticed at the next key instead.

#include "line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <tcl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include "base/handle.h"
#include "terminal_text.h"

namespace starlit {
namespace {

constexpr wchar_t kControlC = 3;
constexpr wchar_t kControlZ = 26;
constexpr wchar_t kControlBackslash = 28;

constexpr int kHistoryEntriesMax = 1000;
constexpr std::size_t kShownCandidatesMax = 200;

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

using File = std::unique_ptr<std::FILE, CloseFile>;
using HistoryHandle = std::unique_ptr<HistoryW, Calls<history_wend>>;
using EditHandle = std::unique_ptr<EditLine, Calls<el_end>>;

struct Binding {
  const wchar_t* key;
  const wchar_t* function;
};

// Beside libedit's emacs keys (editrc(5)): what common terminals send whatever their descriptions say.
constexpr Binding kBindings[] = {
    {L"\\t", L"starlit-complete"},  {L"\\e[H", L"ed-move-to-beg"},   {L"\\e[F", L"ed-move-to-end"},
    {L"\\e[1~", L"ed-move-to-beg"}, {L"\\e[4~", L"ed-move-to-end"},  {L"\\e[3~", L"ed-delete-next-char"},
    {L"\\e[1;5D", L"ed-prev-word"}, {L"\\e[1;5C", L"em-next-word"},  {L"^R", L"em-inc-search-prev"},
    {L"^S", L"em-inc-search-next"}, {L"^W", L"ed-delete-prev-word"},
};

int duplicate(int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 3); }

// Null, at worst, where memory or descriptors have run out.
File open_stream(int fd, const char* mode) { return File(::fdopen(duplicate(fd), mode)); }

// Takes and forgets all: libedit's complaints are not for the user.
File open_nowhere() { return File(::fopencookie(nullptr, "w", cookie_io_functions_t{})); }

std::string common_beginning(const std::vector<std::string>& texts) {
  std::string common = texts.front();
  for (const std::string& text : texts) {
    common.resize(static_cast<std::size_t>(std::mismatch(common.begin(), common.end(), text.begin(), text.end()).first -
                                           common.begin()));
  }
  return common;
}

int columns_of_text(const std::string& utf8) {
  int columns = 0;
  for (const wchar_t character : wide_of(utf8)) columns += std::max(columns_of(character), 0);
  return columns;
}

// The candidates in columns, read downwards, each line with its newline.
std::string in_columns(const std::vector<std::string>& texts, int screen_columns) {
  int widest = 1;
  for (const std::string& text : texts) widest = std::max(widest, columns_of_text(text));
  const auto across = static_cast<std::size_t>(std::max(1, screen_columns / (widest + 2)));
  const std::size_t down = (texts.size() + across - 1) / across;
  std::string lines;
  for (std::size_t row = 0; row < down; ++row) {
    for (std::size_t i = row; i < texts.size(); i += down) {
      lines += texts[i];
      if (i + down < texts.size()) lines.append(static_cast<std::size_t>(widest + 2 - columns_of_text(texts[i])), ' ');
    }
    lines += '\n';
  }
  return lines;
}

}  // namespace

// The members are destroyed from the last to the first: libedit before what it uses.
struct LineEditor::State {
  Completer completer;
  std::wstring prompt;
  wchar_t last_key = 0;
  bool is_readable = false;
  Fd keys;  // not 0 itself: a descriptor has one handler in Tcl, and 0's belongs to the channel stdin
  File in;
  File out;
  File errors;
  HistoryHandle history;
  EditHandle edit;

  bool open(const DescriptionReader& read_description);
  void configure();
  void wait_until_readable();
  int read_byte(unsigned char& byte);
  int read_character(wchar_t& character);
  void raise_signal(int signal_number);
  unsigned char complete();
  void replace(const std::string& word, const std::string& replacement);
  void show(const std::vector<std::string>& candidates);

  static State& of(EditLine* edit) noexcept;
  static int read_key(EditLine* edit, wchar_t* key) noexcept;
  static wchar_t* current_prompt(EditLine* edit) noexcept;
  static unsigned char complete_word(EditLine* edit, wint_t key) noexcept;
  static void on_readable(void* state, int mask) noexcept;
  static void on_exit(void* state) noexcept;
};

LineEditor::State& LineEditor::State::of(EditLine* edit) noexcept {
  void* state = nullptr;
  el_wget(edit, EL_CLIENTDATA, &state);
  return *static_cast<State*>(state);
}

bool LineEditor::State::open(const DescriptionReader& read_description) {
  keys = Fd(duplicate(STDIN_FILENO));
  in = open_stream(STDIN_FILENO, "r");
  out = open_stream(STDOUT_FILENO, "w");
  errors = open_nowhere();
  history.reset(history_winit());
  if (!keys || !in || !out || !errors || !history) return false;
  const TerminalEnvironment environment(read_description);
  edit.reset(el_init_fd("tclkit", in.get(), out.get(), errors.get(), ::fileno(in.get()), ::fileno(out.get()), -1));
  return edit != nullptr;
}

void LineEditor::State::configure() {
  HistEventW event;
  history_w(history.get(), &event, H_SETSIZE, kHistoryEntriesMax);
  history_w(history.get(), &event, H_SETUNIQUE, 1);
  el_wset(edit.get(), EL_CLIENTDATA, this);
  el_wset(edit.get(), EL_EDITOR, L"emacs");
  el_wset(edit.get(), EL_HIST, history_w, history.get());
  el_wset(edit.get(), EL_GETCFN, &read_key);
  el_wset(edit.get(), EL_PROMPT_ESC, &current_prompt, static_cast<int>(kInvisible));
  el_wset(edit.get(), EL_ADDFN, L"starlit-complete", L"Complete the word before the cursor", &complete_word);
  el_wset(edit.get(), EL_SETTY, L"-d", L"-isig", nullptr);
  for (const Binding& binding : kBindings) el_wset(edit.get(), EL_BIND, binding.key, binding.function, nullptr);
}

// The handler is there only while it is waited for: a script's own vwait, entered from an event handler, would spin on
// a key that nobody takes.
void LineEditor::State::wait_until_readable() {
  is_readable = false;
  Tcl_CreateFileHandler(keys.get(), TCL_READABLE | TCL_EXCEPTION, &on_readable, this);
  while (!is_readable) Tcl_DoOneEvent(TCL_ALL_EVENTS);
}

void LineEditor::State::on_readable(void* state, int /*mask*/) noexcept {
  auto& self = *static_cast<State*>(state);
  Tcl_DeleteFileHandler(self.keys.get());
  self.is_readable = true;
}

// As read(2): 1, 0 at the end of input, -1 with errno.
int LineEditor::State::read_byte(unsigned char& byte) {
  for (;;) {
    wait_until_readable();
    const auto count = ::read(keys.get(), &byte, 1);
    if (count >= 0) return static_cast<int>(count);
    if (errno != EINTR && errno != EAGAIN) return -1;
  }
}

int LineEditor::State::read_character(wchar_t& character) {
  Utf8Decoder decoder;
  for (;;) {
    unsigned char byte = 0;
    const int count = read_byte(byte);
    if (count <= 0) return count;
    if (const auto complete = decoder.feed(byte)) {
      character = *complete;
      return 1;
    }
  }
}

void LineEditor::State::raise_signal(int signal_number) {
  el_wset(edit.get(), EL_PREP_TERM, 0);
  std::raise(signal_number);  // to this thread: a signal to the process could take effect after the next line
  el_wset(edit.get(), EL_PREP_TERM, 1);
  el_wset(edit.get(), EL_REFRESH);
}

int LineEditor::State::read_key(EditLine* edit, wchar_t* key) noexcept {
  State& self = of(edit);
  for (;;) {
    const int count = self.read_character(*key);
    self.last_key = count > 0 ? *key : 0;
    if (count <= 0) return count;
    el_resize(edit);
    switch (*key) {
      case kControlC:
        std::fputs("^C", self.out.get());
        *key = L'\n';
        return 1;
      case kControlZ:
        self.raise_signal(SIGTSTP);
        break;
      case kControlBackslash:
        self.raise_signal(SIGQUIT);
        break;
      default:
        return 1;
    }
  }
}

wchar_t* LineEditor::State::current_prompt(EditLine* edit) noexcept { return of(edit).prompt.data(); }

unsigned char LineEditor::State::complete_word(EditLine* edit, wint_t /*key*/) noexcept { return of(edit).complete(); }

unsigned char LineEditor::State::complete() {
  const LineInfoW* line = el_wline(edit.get());
  const std::string before = utf8_of({line->buffer, line->cursor});
  const std::string after = utf8_of({line->cursor, line->lastchar});
  const Completion completion = completer(before, after);
  if (completion.candidates.empty()) return CC_REFRESH_BEEP;
  // A common beginning may end within a character; wide_of drops such a rest.
  const std::string replacement = utf8_of(wide_of(common_beginning(completion.candidates)));
  const bool is_progress = completion.candidates.size() == 1 || replacement.size() > completion.word.size();
  if (is_progress) {
    replace(completion.word, replacement);
  } else {
    show(completion.candidates);
  }
  return CC_REFRESH;
}

void LineEditor::State::replace(const std::string& word, const std::string& replacement) {
  const std::wstring old_text = wide_of(word);
  el_wdeletestr(edit.get(), static_cast<int>(old_text.size()));
  el_winsertstr(edit.get(), wide_of(replacement).c_str());
}

void LineEditor::State::show(const std::vector<std::string>& candidates) {
  int columns = 80;
  el_wget(edit.get(), EL_GETTC, "co", &columns);
  const bool is_too_many = candidates.size() > kShownCandidatesMax;
  const std::vector<std::string> shown(candidates.begin(),
                                       is_too_many ? candidates.begin() + kShownCandidatesMax : candidates.end());
  std::string text = "\n" + in_columns(shown, columns);
  if (is_too_many) text += "... and " + std::to_string(candidates.size() - shown.size()) + " more\n";
  std::fwrite(text.data(), 1, text.size(), out.get());
  el_wset(edit.get(), EL_REFRESH);  // draws the prompt and the line anew, below
}

void LineEditor::State::on_exit(void* state) noexcept { static_cast<State*>(state)->edit.reset(); }

LineEditor::LineEditor(std::unique_ptr<State> state) : state_(std::move(state)) {
  Tcl_CreateExitHandler(&State::on_exit, state_.get());
}

LineEditor::~LineEditor() { Tcl_DeleteExitHandler(&State::on_exit, state_.get()); }

std::unique_ptr<LineEditor> LineEditor::open(const DescriptionReader& read_description, Completer completer) {
  auto state = std::make_unique<State>();
  if (!state->open(read_description)) return nullptr;
  state->completer = std::move(completer);
  state->configure();
  return std::unique_ptr<LineEditor>(new LineEditor(std::move(state)));
}

LineEditor::Reply LineEditor::read_line(const std::string& prompt) {
  state_->prompt = wide_of(prompt);
  el_wset(state_->edit.get(), EL_PREP_TERM, 1);  // libedit would show the prompt first, and ^C could still kill
  int length = 0;
  const wchar_t* line = el_wgets(state_->edit.get(), &length);
  if (line == nullptr || length <= 0) return {Outcome::kEnd, ""};
  if (state_->last_key == kControlC) return {Outcome::kAbandoned, ""};
  std::wstring_view text(line, static_cast<std::size_t>(length));
  if (text.ends_with(L'\n')) text.remove_suffix(1);
  return {Outcome::kLine, utf8_of(text)};
}

void LineEditor::remember(const std::string& entry) {
  HistEventW event;
  history_w(state_->history.get(), &event, H_ENTER, wide_of(entry).c_str());
}

}  // namespace starlit
