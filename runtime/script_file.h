// SPDX-License-Identifier: MIT
//
// What a file named on the command line is, as far as Tcl could not tell by itself.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace starlit {

enum class ScriptKind {
  kScript,        // a script, a kit, or nothing that can be read: Tcl will say
  kPlainArchive,  // an SQLite database, a zip or a Metakit file, without a header that could mount it; or a starpack
};

// Looks at the beginning of the file at `path` (of the host). Throws Error for what looks like a script that does
// nothing but is a kit cut short within its header: an empty file named *.kit, or one that ends before its header
// does.
ScriptKind kind_of_script(const std::string& path);

// The same for a file that has been read: `text` is its beginning, of so many bytes unless the file has fewer. `path`
// is for the error, and says whether it is named *.kit.
inline constexpr std::size_t kHeaderMax = 4096;
ScriptKind kind_of_script(std::string_view text, const std::string& path);

}  // namespace starlit
