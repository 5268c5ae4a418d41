// SPDX-License-Identifier: MIT
//
// What a process may do because of who it is: ids, capabilities, set-id programs, keys, other processes' looks at it.
// Every function throws Error with what it could not do.

#pragma once

#include <sys/types.h>

#include <cstdint>

namespace starlit::jail {

// The user and the group that root becomes, unless told otherwise.
inline constexpr uid_t kNobody = 65534;

// No execve(2) gives rights any more.
void forbid_new_privileges();

// Whether the process was lent rights that its caller does not have: by a set-id bit or a file capability.
bool has_lent_rights();

// Empties the bounding set and locks the secure bits, where the process has CAP_SETPCAP: before ids are given up,
// with which that goes. Throws Error.
void lower_bounding_set();

// Empties all sets of capabilities for good: bounding, ambient, inheritable, permitted, effective. Proves it.
void drop_capabilities();

// Puts into effect those of the permitted capabilities that `mask` names, of the first 32 (1 << CAP_SYS_CHROOT), and
// no other.
void set_effective(std::uint32_t mask);

// Real, effective, saved and filesystem ids; supplementary groups too where the kernel lets this process set them.
// Proves that there is no way back. In a user namespace of its own groups stay as they are.
void become(uid_t uid, gid_t gid, bool can_drop_groups);

// A new, empty session keyring in place of the user's.
void leave_keyring();

// A session of its own: no controlling terminal, so nothing can be typed into it (TIOCSTI).
void leave_session();

// Not to be traced or dumped.
void hide_from_others();

// Memory that was written can not become code: prctl(PR_SET_MDWE), Linux 6.3. Does nothing on older kernels, where
// the filter alone sees to it.
void forbid_new_code();

}  // namespace starlit::jail
