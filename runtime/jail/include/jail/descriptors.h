// SPDX-License-Identifier: MIT
//
// Open descriptors. One of a directory outside is a way out of any change of root (fchdir(2), openat(2) with ".."),
// also when it is the standard input.

#pragma once

#include <vector>

namespace starlit::jail {

// Sees to it that 0, 1 and 2 are open, with /dev/null where they are not. Throws Error that names the one.
void open_standard_descriptors();

// The same, and that they are neither directories nor O_PATH. Throws Error that names the one.
void check_standard_descriptors();

// Closes all from 3 on, but for these. Throws Error.
void close_others(std::vector<int> kept);

// Throws Error where any descriptor but these is a directory or O_PATH: for a program that keeps what it has open.
void refuse_directories(const std::vector<int>& allowed);

}  // namespace starlit::jail
