// SPDX-License-Identifier: MIT
//
// The one exception of the project. What is absent is a value (std::optional); what is broken is an Error.
//
// An Error travels to a border (a Tcl command, a Tcl_Filesystem procedure, a channel procedure, main) and stops there:
// the border turns it into an errno, an errorCode or a line on stderr. Texts read: verb, object in quotes, colon, cause,
// in lower case, no full stop, and a hint where the remedy is known:
//
//     couldn't open "app.kit": not a kit (hint: it has no mark at its end)

#pragma once

#include <cerrno>
#include <exception>
#include <string>
#include <string_view>

namespace starlit {

class Error : public std::exception {
 public:
  // `posix` is an errno value, the nearest one where the cause is none of the kernel's. `code` names the cause for
  // programs, as words for Tcl's errorCode behind "STARLIT"; empty when errno says it all.
  Error(int posix, std::string code, std::string text)
      : posix_(posix), code_(std::move(code)), text_(std::move(text)) {}

  int posix() const noexcept { return posix_; }
  const std::string& code() const noexcept { return code_; }
  const std::string& text() const noexcept { return text_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  int posix_;
  std::string code_;
  std::string text_;
};

// A text that others wrote, with control characters shown as \xNN so that a message stays on its line.
std::string printable(std::string_view foreign);

// `verb "object"`, the object printable.
std::string quoted(std::string_view verb, std::string_view object);

// An Error for a failed system call: `verb "object": <strerror>`.
Error posix_error(std::string_view verb, std::string_view object, int error = errno);

}  // namespace starlit
