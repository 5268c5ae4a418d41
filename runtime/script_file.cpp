// SPDX-License-Identifier: MIT

#include "script_file.h"

#include <algorithm>

#include "archive/executable.h"
#include "archive/mark.h"
#include "base/error.h"
#include "base/file.h"
#include "foreign/foreign.h"

namespace starlit {
namespace {

// The header that sdx writes, but for the program's name in its third line.
constexpr std::string_view kHeaderStart = "#!/bin/sh\n# \\\nexec ";
constexpr std::string_view kHeaderEnd = "\npackage require starkit\nstarkit::header sqlar -readonly\n\x1a";

// Whether a text is the beginning of such a header, and not all of it.
bool is_cut_header(std::string_view text) {
  if (!text.starts_with(kHeaderStart)) return kHeaderStart.starts_with(text);
  const auto line_end = text.find('\n', kHeaderStart.size());
  if (line_end == std::string_view::npos) return true;
  const std::string_view rest = text.substr(line_end);
  return rest.size() < kHeaderEnd.size() && kHeaderEnd.starts_with(rest);
}

}  // namespace

ScriptKind kind_of_script(const std::string& path) {
  std::string text(kHeaderMax, '\0');
  try {
    const Fd fd = open_regular(path);
    text.resize(read_at(fd, text.data(), text.size(), 0, path));
  } catch (const Error&) {
    return ScriptKind::kScript;
  }
  return kind_of_script(text, path);
}

ScriptKind kind_of_script(std::string_view text, const std::string& path) {
  if (text.starts_with(kDatabaseMagic) || foreign_magic(text) || is_elf(text)) return ScriptKind::kPlainArchive;
  const bool is_named_kit = path.ends_with(".kit");
  // "#!/bin/sh" alone may begin any script; with the next line begun, or in a file named *.kit, it is a header.
  constexpr std::size_t kTelling = 12;
  if ((is_named_kit || text.size() >= kTelling) && is_cut_header(text)) {
    throw Error(EINVAL, text.empty() ? "EMPTY" : "CUT",
                quoted("couldn't open", path) + ": " +
                    (text.empty() ? "the file is empty" : "the kit is cut short within its header"));
  }
  return ScriptKind::kScript;
}

}  // namespace starlit
