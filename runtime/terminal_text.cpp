// SPDX-License-Identifier: MIT
//
// UTF-8, and what glibc's locale functions would know about characters if there were a locale.
//
// The program is linked with --wrap=NAME for each __wrap_NAME at the end of this file (GNU ld's manual, "--wrap"), so
// that calls from libedit arrive here. ASCII goes to libc's own functions. Everything else is decided without a locale:
//
//   wctomb, wcrtomb    UTF-8
//   iswprint, iswgraph yes, but for controls, surrogates, noncharacters and what turns the writing direction around
//   iswalnum           Tcl's character tables; it rules how far a word reaches for M-b and M-f
//   wcwidth            libc's answer where a locale is loaded, else the coarse tables below

#include "terminal_text.h"

#include <tcl.h>

#include <algorithm>
#include <cwchar>
#include <cwctype>
#include <iterator>

extern "C" {
int __real_wcwidth(wchar_t character);
int __real_iswprint(std::wint_t character);
int __real_iswgraph(std::wint_t character);
int __real_iswalnum(std::wint_t character);
}

namespace starlit {
namespace {

constexpr unsigned kUnicodeMax = 0x10FFFF;

struct Range {
  unsigned first;
  unsigned last;
};

// Combining marks of the common scripts, and variation selectors (Unicode 15, DerivedGeneralCategory.txt: Mn, Me).
constexpr Range kCombining[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A},   {0x064B, 0x065F}, {0x06D6, 0x06DC},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},   {0x20D0, 0x20FF}, {0x302A, 0x302D},
    {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF},
};

// Characters of two columns (Unicode 15, EastAsianWidth.txt: W and F, gaps closed).
constexpr Range kWide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x2E80, 0x303E},   {0x3041, 0x33FF},
    {0x3400, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF}, {0x1AFF0, 0x1B2FF},
    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

// Not printable above ASCII: C1 controls, line breaks and direction marks, surrogates, the BOM.
constexpr Range kUnprintable[] = {
    {0x0080, 0x009F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F}, {0xD800, 0xDFFF}, {0xFEFF, 0xFEFF},
};

template <std::size_t size>
bool is_in(const Range (&ranges)[size], unsigned character) {
  const auto* range =
      std::find_if(std::begin(ranges), std::end(ranges), [&](const Range& r) { return character <= r.last; });
  return range != std::end(ranges) && character >= range->first;
}

bool is_ascii(unsigned character) { return character < 0x80; }

bool is_printable(unsigned character) {
  return character <= kUnicodeMax && (character & 0xFFFE) != 0xFFFE && !is_in(kUnprintable, character);
}

bool is_encodable(unsigned character) { return character <= kUnicodeMax && (character & ~0x7FFU) != 0xD800; }

char tail_byte(unsigned character, int shift) { return static_cast<char>(0x80 | ((character >> shift) & 0x3F)); }

// Writes 1 to 4 bytes and returns how many, 0 for what is no character.
int encode(unsigned c, char* bytes) {
  if (!is_encodable(c)) return 0;
  if (c < 0x80) {
    bytes[0] = static_cast<char>(c);
    return 1;
  }
  if (c < 0x800) {
    bytes[0] = static_cast<char>(0xC0 | (c >> 6));
    bytes[1] = tail_byte(c, 0);
    return 2;
  }
  if (c < 0x10000) {
    bytes[0] = static_cast<char>(0xE0 | (c >> 12));
    bytes[1] = tail_byte(c, 6);
    bytes[2] = tail_byte(c, 0);
    return 3;
  }
  bytes[0] = static_cast<char>(0xF0 | (c >> 18));
  bytes[1] = tail_byte(c, 12);
  bytes[2] = tail_byte(c, 6);
  bytes[3] = tail_byte(c, 0);
  return 4;
}

}  // namespace

std::string utf8_of(std::wstring_view text) {
  std::string utf8;
  utf8.reserve(text.size());
  char bytes[4];
  for (const wchar_t c : text) utf8.append(bytes, static_cast<std::size_t>(encode(static_cast<unsigned>(c), bytes)));
  return utf8;
}

std::wstring wide_of(std::string_view text) {
  std::wstring characters;
  Utf8Decoder decoder;
  for (const char byte : text) {
    if (const auto character = decoder.feed(static_cast<unsigned char>(byte))) characters += *character;
  }
  return characters;
}

std::optional<wchar_t> Utf8Decoder::feed(unsigned char byte) {
  if ((byte & 0xC0) == 0x80) {
    if (missing_ == 0) return std::nullopt;
    value_ = (value_ << 6) | (byte & 0x3FU);
    if (--missing_ > 0 || value_ < minimum_ || !is_encodable(value_)) return std::nullopt;
    return static_cast<wchar_t>(value_);
  }
  missing_ = 0;
  if (byte < 0x80) return static_cast<wchar_t>(byte);
  if (byte >= 0xF8) return std::nullopt;
  missing_ = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
  minimum_ = missing_ == 3 ? 0x10000 : missing_ == 2 ? 0x800 : 0x80;
  value_ = byte & (0x3FU >> missing_);
  return std::nullopt;
}

int columns_of(wchar_t character) {
  const int known = __real_wcwidth(character);
  const auto code = static_cast<unsigned>(character);
  if (known >= 0 || is_ascii(code)) return known;
  if (!is_printable(code)) return -1;
  if (is_in(kCombining, code)) return 0;
  return is_in(kWide, code) ? 2 : 1;
}

}  // namespace starlit

extern "C" {

int __wrap_wctomb(char* bytes, wchar_t character) {
  if (bytes == nullptr) return 0;  // UTF-8 has no shift states
  const int length = starlit::encode(static_cast<unsigned>(character), bytes);
  return length > 0 ? length : -1;
}

std::size_t __wrap_wcrtomb(char* bytes, wchar_t character, std::mbstate_t* /*state*/) {
  if (bytes == nullptr) return 1;
  const int length = starlit::encode(static_cast<unsigned>(character), bytes);
  return length > 0 ? static_cast<std::size_t>(length) : static_cast<std::size_t>(-1);
}

int __wrap_wcwidth(wchar_t character) { return starlit::columns_of(character); }

int __wrap_iswprint(std::wint_t character) {
  return starlit::is_ascii(character) ? __real_iswprint(character) : starlit::is_printable(character);
}

int __wrap_iswgraph(std::wint_t character) {
  return starlit::is_ascii(character) ? __real_iswgraph(character) : starlit::is_printable(character);
}

int __wrap_iswalnum(std::wint_t character) {
  return starlit::is_ascii(character) ? __real_iswalnum(character) : Tcl_UniCharIsAlnum(static_cast<int>(character));
}

}  // extern "C"
