// SPDX-License-Identifier: MIT

#include "base/error.h"

#include <cstring>

namespace starlit {

std::string printable(std::string_view foreign) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const char c : foreign) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += "\\x";
      text += kHex[byte >> 4];
      text += kHex[byte & 15];
    } else {
      text += c;
    }
  }
  return text;
}

std::string quoted(std::string_view verb, std::string_view object) {
  std::string text(verb);
  text += " \"";
  text += printable(object);
  text += '"';
  return text;
}

Error posix_error(std::string_view verb, std::string_view object, int error) {
  // The messages of Tcl and of the C library for one errno differ in case; Tcl's lower case is the house style.
  std::string cause = std::strerror(error);
  if (cause.size() > 1 && cause[0] >= 'A' && cause[0] <= 'Z' && cause[1] >= 'a' && cause[1] <= 'z') {
    cause[0] = static_cast<char>(cause[0] - 'A' + 'a');
  }
  std::string text = quoted(verb, object);
  text += ": ";
  text += cause;
  return {error, "", std::move(text)};
}

}  // namespace starlit
