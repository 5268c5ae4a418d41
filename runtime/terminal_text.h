// SPDX-License-Identifier: MIT
//
// The text that a terminal sends and shows: always UTF-8, whatever the locale.
//
// In an empty root glibc cannot load a locale, and in its "C" locale no character above U+007F can be printed, has a
// width or can be encoded (tried with glibc 2.36, statically linked). libedit asks the locale all three. So the linker
// puts the functions at the end of terminal_text.cpp in the place of libc's.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starlit {

// A wchar_t is one Unicode code point here, as everywhere in glibc.
std::string utf8_of(std::wstring_view text);

// Bytes that are not UTF-8 are left out.
std::wstring wide_of(std::string_view text);

// Columns that a printable character takes: 0, 1 or 2; -1 for what is not printable.
int columns_of(wchar_t character);

// Puts characters together from single bytes.
class Utf8Decoder {
 public:
  // The character that `byte` completes, if it does. Bytes that belong to none are dropped.
  std::optional<wchar_t> feed(unsigned char byte);

 private:
  unsigned value_ = 0;
  unsigned minimum_ = 0;  // the smallest value that needs this many bytes: less is an overlong form
  int missing_ = 0;
};

}  // namespace starlit
