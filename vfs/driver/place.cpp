// SPDX-License-Identifier: MIT

#include "place.h"

namespace starlit {

Tcl_Obj* normal_path_of_lookup(Tcl_Obj* path) noexcept {
  static constinit thread_local bool is_on = false;
  if (is_on && Tcl_FSGetPathType(path) == TCL_PATH_RELATIVE) return nullptr;
  const bool before = std::exchange(is_on, true);
  Tcl_Obj* normal = Tcl_FSGetNormalizedPath(nullptr, path);
  is_on = before;
  return normal;
}

const Place* place_of(Tcl_Obj* path) {
  // Tcl keeps the place of a relative path when the working directory moves within one file system, and looks
  // whether it has moved only when asked for the normalized path: TclFSEnsureEpochOk() looks at the epoch alone.
  Tcl_FSGetNormalizedPath(nullptr, path);
  const auto* place = static_cast<const Place*>(Tcl_FSGetInternalRep(path, &kArchiveFilesystem));
  if (place == nullptr) throw posix_error("couldn't use path", string_of(path), ENOENT);
  return place;
}

Obj translated(Tcl_Obj* path) noexcept {
  Obj result(Tcl_FSGetTranslatedPath(nullptr, path));
  if (result) Tcl_DecrRefCount(result.get());  // it came with a count of its own
  return result;
}

std::optional<std::string> followed_name(const Place& place, Session& session, bool must_exist) {
  // The usual case without a look: where nothing has to be there, and no link can be on the way.
  if (!must_exist && !session.archive().may_hold_links()) return place.name;
  const Archive::Snapshot view(session.archive());
  session.need_search(place.name);
  const auto member = session.find(place.name);
  if (member && member->type != MemberType::kLink) return place.name;
  if (!session.archive().may_hold_links()) return must_exist ? std::nullopt : std::optional(place.name);
  const std::string point = to_utf8(place.mount->point);
  const auto name = session.archive().resolve(place.name, true, {point, false});
  if (!name) return std::nullopt;
  session.need_search(*name);
  return must_exist && !session.find(*name) ? std::nullopt : name;
}

std::optional<Member> find_followed(const Place& place, Session& session) {
  const Archive::Snapshot view(session.archive());
  session.need_search(place.name);
  auto member = session.find(place.name);
  if (member && member->type != MemberType::kLink) return member;
  if (!session.archive().may_hold_links()) return std::nullopt;
  const auto name = followed_name(place, session);
  return name ? session.find(*name) : std::nullopt;
}

int missing(const Place& place, Session& session) {
  for (std::string_view name = parent_name(place.name); !name.empty(); name = parent_name(name)) {
    if (const auto member = session.find(name)) return member->type == MemberType::kFile ? ENOTDIR : ENOENT;
  }
  return ENOENT;
}

}  // namespace starlit
