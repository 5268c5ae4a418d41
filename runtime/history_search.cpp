// SPDX-License-Identifier: MIT
//
// The shell's search in its history is for the text as it was typed: Tcl is full of brackets and stars, which regular
// expressions would take for their own. libedit (search.c) asks regcomp(3) for ".*TEXT" to find a line, with vi's / and ?
// ".*TEXT.*", and for "^TEXT" to find the place in it.
//
// The linker puts these functions in the place of libc's, as it does with those in terminal_text.cpp; so libc's engine,
// 64 KB of the program, is not linked in.

#include <regex.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

constexpr std::string_view kAnything = ".*";
constexpr char kAtStart = '^';
constexpr char kAnywhere = '*';

}  // namespace

extern "C" {

// What is kept is kAtStart or kAnywhere, and the text.
int __wrap_regcomp(regex_t* expression, const char* pattern, int) {
  std::string_view text = pattern;
  const bool is_at_start = text.starts_with(kAtStart);
  if (is_at_start) text.remove_prefix(1);
  if (text.starts_with(kAnything)) text.remove_prefix(kAnything.size());
  if (text.ends_with(kAnything)) text.remove_suffix(kAnything.size());
  const auto kept = static_cast<char*>(std::malloc(text.size() + 2));
  if (kept == nullptr) return REG_ESPACE;
  kept[0] = is_at_start ? kAtStart : kAnywhere;
  kept[1 + text.copy(kept + 1, text.size())] = '\0';
  *expression = {};
  expression->buffer = reinterpret_cast<decltype(expression->buffer)>(kept);
  return 0;
}

int __wrap_regexec(const regex_t* expression, const char* text, std::size_t, regmatch_t*, int) {
  const auto kept = reinterpret_cast<const char*>(expression->buffer);
  const char* const found = std::strstr(text, kept + 1);
  return found == nullptr || (kept[0] == kAtStart && found != text) ? REG_NOMATCH : 0;
}

void __wrap_regfree(regex_t* expression) { std::free(expression->buffer); }

}  // extern "C"
