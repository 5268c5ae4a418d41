// SPDX-License-Identifier: MIT
//
// What the subcommands of starlit::archive share: their arguments, and opening a file of any format.

#pragma once

#include <functional>

#include "archive/writer.h"
#include "base/error.h"
#include "command_table.h"
#include "foreign/foreign.h"

namespace starlit {

// Calls `visit(option, value)` for each pair; it returns false for an option it does not know.
template <typename Visit>
void each_option(Arguments arguments, Visit visit) {
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string_view option = string_of(arguments[i]);
    if (i + 1 == arguments.size()) throw Error(EINVAL, "OPTION", quoted("missing value of option", option));
    if (!visit(option, arguments[i + 1])) throw Error(EINVAL, "OPTION", quoted("unknown option", option));
  }
}

// The path of a file of the host.
std::string host_path(Tcl_Interp* interp, Tcl_Obj* path);

// What `own` makes of an archive of ours, or `foreign` of a file of another format and that format.
template <typename Own, typename Foreign>
auto of_any(const std::string& path, Own own, Foreign foreign) {
  try {
    return own();
  } catch (const Error& error) {
    if (error.code() != "NOTKIT") throw;
    const auto file = std::make_shared<const ForeignFile>(path);
    const auto format = foreign_format(*file);
    if (!format) throw;
    return foreign(file, *format);
  }
}

// An archive of any format that we can read, for who reads all of it; of one larger than `max_bytes`, some of it.
std::shared_ptr<Archive> load_any(const std::string& path, std::int64_t max_bytes = Archive::kLoadMax);

// A function that calls a Tcl command prefix with the bytes done and in all; an error in it is thrown.
std::function<void(std::int64_t, std::int64_t)> progress_of(Tcl_Interp* interp, Tcl_Obj* prefix);

// A member's name in UTF-8.
std::string member_name(Tcl_Obj* name);

// ENTRIES, and an element of a list of packages; see archive_commands.cpp.
std::vector<NewMember> entries_of(Tcl_Interp* interp, Tcl_Obj* entries);
PackageRecord package_of(Tcl_Interp* interp, Tcl_Obj* package);

std::int64_t level_of(Tcl_Interp* interp, Tcl_Obj* value);

}  // namespace starlit
