// SPDX-License-Identifier: MIT
#pragma once

namespace escape {

// Locks the process in as the words in front of "--" say, which are safekit's options; argv[0] is a name. With
// "--in-process" as the first of them, as safekit::enter does for a program that runs already. Returns, in the locked
// process, the index of the first word behind "--". Does not return when that fails: status 125, and a line on
// stderr.
int enter_jail(int argc, char** argv);

}  // namespace escape
