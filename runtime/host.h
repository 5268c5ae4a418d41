// SPDX-License-Identifier: MIT
//
// The host's answers to Tcl; see host.cpp for those that need no call.

#pragma once

#include <string>

namespace starlit {

// Tcl's name for the encoding of the locale that the environment names: "utf-8" when it is C, POSIX, not to be loaded, or
// UTF-8. To be called after Tcl_FindExecutable(), which sets the locale.
std::string locale_encoding();

}  // namespace starlit
