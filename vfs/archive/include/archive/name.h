// SPDX-License-Identifier: MIT
//
// Names of members: relative, `/`-separated, normalised.
//
//     name  = part *( "/" part )
//     part  = 1 to 255 bytes without "/" and NUL, neither "." nor ".."
//
// The empty name stands for the root directory, which is no member. A name that does not read so could lead out of the
// directory it is unpacked into, so every reader and writer of archives asks here.

#pragma once

#include <string>
#include <string_view>

namespace starlit {

// Why `name` is no member's name ("has an empty part", ...), or an empty text when it is one.
std::string_view name_fault(std::string_view name);

// The same for a name that is to be given to a member. SQLite's texts are UTF-8, and what is not reads differently with each
// program; archives of others that hold such names are read all the same.
std::string_view new_name_fault(std::string_view name);

// As an errno: 0, EINVAL, ENAMETOOLONG, or EILSEQ for what is not UTF-8.
int new_name_errno(std::string_view name);

// The directory that holds a member ("" for one in the root), and its last part.
std::string_view parent_name(std::string_view name);
std::string_view last_part(std::string_view name);

// "a", "b" -> "a/b"; "", "b" -> "b".
std::string join_name(std::string_view directory, std::string_view part);

}  // namespace starlit
