// SPDX-License-Identifier: MIT
//
// The package index of an archive: which directory provides which Tcl package, recorded when the archive was written so
// that `package require` need not read every pkgIndex.tcl.
//
//     starlit_package(name, version, directory, module)   see PackageRecord
//     starlit_state(key, value)                            "packages": the index is complete
//                                                          "linkless": no member is a symbolic link
//                                                          value: the change counter when this was written
//     starlit_runtime(name)                                the members that belong to the runtime
//
// The index only says where to look: the scripts that are run are always the archive's own pkgIndex.tcl and modules. It
// is valid as long as the database's change counter is the one recorded; after any other change it is not used.

#pragma once

#include <set>
#include <vector>

#include "archive/archive.h"
#include "archive/writer.h"

namespace starlit {

// The rows for packages called `name` and those without a name, or nothing where there is no valid index.
std::optional<std::vector<PackageRecord>> find_packages(Archive& archive, std::string_view name);

// All rows, valid or not.
std::vector<PackageRecord> all_packages(Archive& archive);

// The names of the members that belong to the runtime of an executable; empty for a kit.
std::set<std::string, std::less<>> runtime_members(Archive& archive);

}  // namespace starlit
