// SPDX-License-Identifier: MIT
//
// The package index of an archive: which directory provides which Tcl package, recorded when the archive was written so
// that `package require` need not read every pkgIndex.tcl.
//
// It is a fact (facts.h): a line for each record, its four fields ended by tabs but the last. It only says where to look:
// the scripts that are run are always the archive's own pkgIndex.tcl and modules.

#pragma once

#include <set>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "archive/writer.h"

namespace starlit {

// The records of packages called `name` and those without a name, or nothing where there is no valid index.
std::optional<std::vector<PackageRecord>> find_packages(Archive& archive, std::string_view name);

// All records, valid or not.
std::vector<PackageRecord> all_packages(Archive& archive);

// Whether the records can be written: none has a tab or a newline in it. Otherwise nothing is recorded, and packages are
// searched for as ever.
bool can_record(const std::vector<PackageRecord>& packages);

// The text to be recorded.
std::string package_text(const std::vector<PackageRecord>& packages);

// The names of the members that belong to the runtime of an executable; empty for a kit.
std::set<std::string, std::less<>> runtime_members(Archive& archive);

}  // namespace starlit
