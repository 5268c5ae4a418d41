// SPDX-License-Identifier: MIT
//
// From Tcl's path values to places in archives, for the procedures of the driver.

#pragma once

#include <cerrno>
#include <exception>

#include "archive/name.h"
#include "driver/driver.h"

namespace starlit {

extern const Tcl_Filesystem kArchiveFilesystem;

// `load` of any file that is not of the host: Tcl would copy it there first.
int refuse_load(Tcl_Interp* interp, Tcl_Obj* path, Tcl_LoadHandle*, Tcl_FSUnloadFileProc**) noexcept;

// Runs the body of a procedure that returns 0 or sets errno and returns -1.
template <typename Body>
int answer(Body&& body) noexcept {
  try {
    const int error = body();
    if (error == 0) return 0;
    Tcl_SetErrno(error);
  } catch (const Error& error) {
    Tcl_SetErrno(error.posix());
  } catch (const std::exception&) {
    Tcl_SetErrno(ENOMEM);
  }
  return -1;
}

// The normalised path of one whose file system Tcl asks for, or null where it has none. In the course of normalising a
// relative one Tcl asks for the file system of the working directory: where that is no absolute path, since it has been
// removed, or was in a volume that has gone, it asks without end. Here it gets an answer.
Tcl_Obj* normal_path_of_lookup(Tcl_Obj* path) noexcept;

// The place that Tcl keeps with a path of this file system. Throws Error{ENOENT} when a mount has gone meanwhile.
const Place* place_of(Tcl_Obj* path);

// A path without its `~` or `~user`, as Tcl spells a file that the script did not name itself; nothing where no user
// is called so.
Obj translated(Tcl_Obj* path) noexcept;

// The name that a place comes to when the links on the way are followed: a link that leads out of the archive leads
// nowhere, an absolute one into its own mount leads there. With `must_exist` false also a name that is not there, in a
// directory that may be. Throws Error{EACCES} where a directory on the way may not be searched.
std::optional<std::string> followed_name(const Place& place, Session& session, bool must_exist = true);

// The member at a place, or the one that a link there leads to. Throws Error{EACCES} likewise.
std::optional<Member> find_followed(const Place& place, Session& session);

// Why there is nothing at a place: ENOTDIR when one of its directories is a file.
int missing(const Place& place, Session& session);

inline bool is_executable(const Member& member) {
  return member.type == MemberType::kDirectory || (member.permissions & 0111) != 0;
}

}  // namespace starlit
