// SPDX-License-Identifier: MIT

#include "archive/name.h"

namespace starlit {

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
