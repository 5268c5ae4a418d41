// SPDX-License-Identifier: MIT
//
// The locks of SQLite (https://www.sqlite.org/lockingv3.html): ranges of bytes, counted from the beginning of the
// file, in which nothing is stored. They belong to an open file description (fcntl(2), F_OFD_SETLK), so threads of
// one process keep each other out as processes do.
//
//     pending     a writer waits for the readers to end: no new ones
//     reserved    a writer is at work, and has changed nothing in the file yet
//     shared      readers each have it for reading; a writer, alone, for the moment of its commit

#pragma once

#include <sys/types.h>

#include <optional>

namespace starlit {

inline constexpr off_t kPendingByte = 0x40000000;
inline constexpr off_t kReservedByte = kPendingByte + 1;
inline constexpr off_t kSharedFirst = kPendingByte + 2;
inline constexpr off_t kSharedSize = 510;

// Sets or removes a lock (F_RDLCK, F_WRLCK, F_UNLCK) without waiting. 0, or -1 and errno: EAGAIN or EACCES where
// others have it.
int set_lock(int fd, int type, off_t first, off_t size) noexcept;

// Whether a writer is at work by another open file description. Nothing, and errno, where that cannot be asked.
std::optional<bool> is_reserved(int fd) noexcept;

}  // namespace starlit
