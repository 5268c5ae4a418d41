// SPDX-License-Identifier: MIT

#include "archive/packages.h"

#include "archive/executable.h"
#include "archive/facts.h"
#include "base/file.h"

namespace starlit {
namespace {

// Takes the text up to `end` off the front of `rest`.
std::string_view take(std::string_view& rest, char end) {
  const auto at = rest.find(end);
  const std::string_view item = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return item;
}

template <typename Wanted>
std::vector<PackageRecord> parse(std::string_view text, Wanted wanted) {
  std::vector<PackageRecord> packages;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view name = take(line, '\t');
    if (!wanted(name)) continue;
    const std::string_view version = take(line, '\t');
    const std::string_view directory = take(line, '\t');
    packages.push_back({std::string(name), std::string(version), std::string(directory), std::string(line)});
  }
  return packages;
}

// Whether the archive lies in an executable: only there is it that some members are not the application's.
bool is_executable(const std::string& path) {
  try {
    const Fd fd = open_regular(path);
    char magic[4];
    return read_at(fd, magic, sizeof magic, 0, path) == sizeof magic && is_elf({magic, sizeof magic});
  } catch (const Error&) {
    return false;
  }
}

bool is_plain(const std::string& field) { return field.find_first_of("\t\n") == std::string::npos; }

}  // namespace

std::optional<std::vector<PackageRecord>> find_packages(Archive& archive, std::string_view name) {
  const auto turn = archive.lock();
  const auto text = archive.recorded(kFactPackages);
  if (!text) return std::nullopt;
  return parse(*text, [&](std::string_view each) { return each.empty() || each == name; });
}

std::vector<PackageRecord> all_packages(Archive& archive) {
  const auto text = read_fact(archive, kFactPackages, 0);
  return parse(text.value_or(""), [](std::string_view) { return true; });
}

std::string package_text(const std::vector<PackageRecord>& packages) {
  std::set<std::string> lines;
  for (const PackageRecord& package : packages) {
    lines.insert(package.name + "\t" + package.version + "\t" + package.directory + "\t" + package.module + "\n");
  }
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

bool can_record(const std::vector<PackageRecord>& packages) {
  for (const PackageRecord& package : packages) {
    if (!is_plain(package.name) || !is_plain(package.version) || !is_plain(package.directory) ||
        !is_plain(package.module)) {
      return false;
    }
  }
  return true;
}

std::set<std::string, std::less<>> runtime_members(Archive& archive) {
  std::set<std::string, std::less<>> names;
  if (!is_executable(archive.path())) return names;
  const auto text = read_fact(archive, kFactRuntime, 0);
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) names.emplace(take(rest, '\0'));
  names.erase("main.tcl");  // never a runtime's
  return names;
}

}  // namespace starlit
