// SPDX-License-Identifier: MIT
//
// The host's answers to Tcl; see host.cpp for those that need no call.

#pragma once

#include <tcl.h>

#include <string>

namespace starlit {

// Look-ups of users, groups, hosts and services use files and DNS alone, whatever /etc/nsswitch.conf says. To be called
// before the first.
void keep_to_own_name_services();

// Tcl's name for the encoding of the locale that the environment names: "utf-8" when it is C, POSIX, not to be loaded, or
// UTF-8. To be called after Tcl_FindExecutable(), which sets the locale.
std::string locale_encoding();

// Tcl_CreateInterp() without the look-up of the user's name: tcl_platform(user) is empty.
Tcl_Interp* create_first_interpreter();

// The name of the real user, or nothing where there is none: what Tcl puts into tcl_platform(user).
std::string user_name();

}  // namespace starlit
