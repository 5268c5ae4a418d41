// SPDX-License-Identifier: MIT
//
// What Tcl's own file attributes take: file(3tcl), "-permissions".

#include "permissions.h"

namespace starlit {
namespace {

std::optional<std::uint32_t> parse_octal(std::string_view text) {
  if (!text.starts_with('0') || text.size() < 2 || text.size() > 8) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint32_t>(c - '0');
  }
  return value & 07777;
}

// "rwsr-xr-t": s and S stand for the set-id bits, t and T for the sticky bit, with and without x.
std::optional<std::uint32_t> parse_letters(std::string_view text) {
  if (text.size() != 9) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    const std::uint32_t bit = 0400u >> i;
    const char c = text[i];
    if (c == '-') continue;
    if (c == "rwx"[i % 3]) {
      value |= bit;
    } else if (i % 3 == 2 && (c == 's' || c == 'S') && i < 8) {
      value |= (i == 2 ? 04000u : 02000u) | (c == 's' ? bit : 0);
    } else if (i == 8 && (c == 't' || c == 'T')) {
      value |= 01000u | (c == 't' ? bit : 0);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

// One of the parts of "u+x,go-w".
std::optional<std::uint32_t> apply(std::string_view part, std::uint32_t mode) {
  std::uint32_t who = 0;
  std::size_t i = 0;
  for (; i < part.size(); ++i) {
    if (part[i] == 'u') who |= 04700;
    else if (part[i] == 'g') who |= 02070;
    else if (part[i] == 'o') who |= 01007;
    else if (part[i] == 'a') who |= 07777;
    else break;
  }
  if (who == 0) who = 07777;
  if (i == part.size()) return std::nullopt;
  const char operation = part[i];
  if (operation != '+' && operation != '-' && operation != '=') return std::nullopt;
  std::uint32_t what = 0;
  for (++i; i < part.size(); ++i) {
    switch (part[i]) {
      case 'r': what |= 0444; break;
      case 'w': what |= 0222; break;
      case 'x': what |= 0111; break;
      case 's': what |= 06000; break;
      case 't': what |= 01000; break;
      default: return std::nullopt;
    }
  }
  what &= who;
  switch (operation) {
    case '+': return mode | what;
    case '-': return mode & ~what;
    default: return (mode & ~who) | what;
  }
}

}  // namespace

std::optional<std::uint32_t> parse_permissions(std::string_view text, std::uint32_t current) {
  if (const auto octal = parse_octal(text)) return octal;
  if (const auto letters = parse_letters(text)) return letters;
  std::optional<std::uint32_t> mode = current & 07777;
  while (mode && !text.empty()) {
    const auto comma = text.find(',');
    // At the end Tcl takes who without what for no change.
    if (comma == std::string_view::npos && text.find_first_not_of("ugoa") == std::string_view::npos) break;
    mode = apply(text.substr(0, comma), *mode);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return mode;
}

}  // namespace starlit
