// SPDX-License-Identifier: MIT
//
// What the writer of an archive records about it, so that readers need not find out:
//
//     starlit_fact(key TEXT PRIMARY KEY, counter INT, sz INT, data BLOB)
//
//     key        text
//     linkless   nothing: no member is a symbolic link
//     packages   the package index, see packages.h
//     runtime    the names of the members that belong to the runtime, each ended by a NUL
//
// A fact holds as long as `counter` is the database's change counter (offset 24 of its header), which SQLite raises with
// every change that anyone makes; our own changes keep true facts valid (carry_facts). `sz` and `data` are as in sqlar, so `SELECT sqlar_uncompress(data, sz)` shows the text.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/archive.h"

namespace starlit {

inline constexpr std::string_view kFactLinkless = "linkless";
inline constexpr std::string_view kFactPackages = "packages";
inline constexpr std::string_view kFactRuntime = "runtime";

inline constexpr const char* kFactSchema =
    "CREATE TABLE starlit_fact(key TEXT PRIMARY KEY, counter INT, sz INT, data BLOB) WITHOUT ROWID;";

// The text of a fact; nothing when it is not recorded, or recorded at another counter than `counter` (0: any).
std::optional<std::string> read_fact(Archive& archive, std::string_view key, std::uint32_t counter);

// Records a fact that will hold when the change counter is `counter`.
void write_fact(sqlite3* database, std::string_view key, std::uint32_t counter, std::string_view text,
                const std::string& path);

// Keeps facts valid over a change that makes the counter go from `counter` to the next number, but for those that the
// change has made untrue.
void carry_facts(Archive& archive, std::uint32_t counter, bool linkless, bool packages);

}  // namespace starlit
