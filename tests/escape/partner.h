// SPDX-License-Identifier: MIT
//
// What runs outside of the jail: the partner, the stage, and small preparations.
#pragma once

#include <sys/types.h>

namespace escape {

// keyctl(2), which glibc has no header for.
inline constexpr long kKeyJoin = 1;
inline constexpr long kKeySearch = 10;
inline constexpr long kKeyRead = 11;
inline constexpr long kKeySetPermissions = 5;
inline constexpr long kKeyUnlink = 9;
inline constexpr long kSessionKeyring = -3;
inline constexpr long kUserKeyring = -4;
inline constexpr char kStageKey[] = "starlit-escape-session";

// escape partner DIRECTORY UID: an outsider of that user. Reads the token in DIRECTORY/canary, prints the facts of
// which it is the subject, one a line, and a line "ready"; then listens, and writes what reaches it to
// DIRECTORY/journal. Ends, and takes away what it made, on SIGTERM or when its parent is gone.
int run_partner(int argc, char** argv);

// escape stage SETTING ... -- COMMAND ...: starts a command, usually a jail, where it might be careless: see
// README.md.
int run_stage(int argc, char** argv);

// escape capable FILE: gives a file the capability cap_sys_chroot, as `setcap cap_sys_chroot+ep FILE`.
int make_capable(const char* path);

// Another user for the rest of the process, who can be traced as if started by himself. Exits when that fails.
void become(uid_t uid);

// Starts a message with a descriptor of "/" through a socket. Zero, or -1 with errno.
int send_directory(int socket, int directory, const char* text);

}  // namespace escape
