// SPDX-License-Identifier: MIT

#include "archive/name.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace starlit {
namespace {

// The form that RFC 3629 allows: shortest sequences, no surrogates.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t size = byte < 0x80 ? 1 : byte >= 0xc2 && byte < 0xe0 ? 2 : byte >= 0xe0 && byte < 0xf0 ? 3
                             : byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
    if (size == 0 || size > text.size() - i) return false;
    std::uint32_t code = size == 1 ? byte : byte & (0x7fu >> size);
    for (std::size_t k = 1; k < size; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3fu);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    i += size;
  }
  return true;
}

}  // namespace

std::string_view name_fault(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.front() == '/') return "is absolute";
  if (name.size() > 4095) return "is longer than a path can be";
  if (name.find('\0') != std::string_view::npos) return "holds a NUL byte";
  while (true) {
    const auto slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty()) return "has an empty part";
    if (part == ".") return "has a part \".\"";
    if (part == "..") return "has a part \"..\"";
    if (part.size() > 255) return "has a part longer than 255 bytes";
    if (slash == std::string_view::npos) return {};
    name.remove_prefix(slash + 1);
  }
}

std::string_view new_name_fault(std::string_view name) {
  const std::string_view fault = name_fault(name);
  return fault.empty() && !is_utf8(name) ? "is not UTF-8" : fault;
}

int new_name_errno(std::string_view name) {
  if (last_part(name).size() > 255) return ENAMETOOLONG;
  if (!name_fault(name).empty()) return EINVAL;
  return is_utf8(name) ? 0 : EILSEQ;
}

std::string_view parent_name(std::string_view name) {
  const auto slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

std::string_view last_part(std::string_view name) {
  const auto slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

std::string join_name(std::string_view directory, std::string_view part) {
  std::string name(directory);
  if (!name.empty()) name += '/';
  name += part;
  return name;
}

}  // namespace starlit
