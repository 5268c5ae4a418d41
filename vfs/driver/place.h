// SPDX-License-Identifier: MIT
//
// From Tcl's path values to places in archives, for the procedures of the driver.

#pragma once

#include "archive/name.h"
#include "driver/driver.h"

namespace starlit {

extern const Tcl_Filesystem kArchiveFilesystem;

// The place that Tcl keeps with a path of this file system. Throws Error{ENOENT} when a mount has gone meanwhile.
inline const Place* place_of(Tcl_Obj* path) {
  const auto* place = static_cast<const Place*>(Tcl_FSGetInternalRep(path, &kArchiveFilesystem));
  if (place == nullptr) throw posix_error("couldn't use path", string_of(path), ENOENT);
  return place;
}

// The member at a place, or the one that a link there leads to.
inline std::optional<Member> find_followed(const Place& place) {
  Archive& archive = *place.mount->archive;
  auto member = archive.find(place.name);
  if (member && member->type != MemberType::kLink) return member;
  if (!archive.may_hold_links()) return std::nullopt;
  const auto name = archive.resolve(place.name, true);
  return name ? archive.find(*name) : std::nullopt;
}

// Why there is nothing at a place: ENOTDIR when one of its directories is a file.
inline int missing(const Place& place) {
  for (std::string_view name = parent_name(place.name); !name.empty(); name = parent_name(name)) {
    if (const auto member = place.mount->archive->find(name)) {
      return member->type == MemberType::kFile ? ENOTDIR : ENOENT;
    }
  }
  return ENOENT;
}

inline bool is_executable(const Member& member) {
  return member.type == MemberType::kDirectory || (member.permissions & 0111) != 0;
}

}  // namespace starlit
