// SPDX-License-Identifier: MIT

#include "glob.h"

#include "archive/name.h"
#include "place.h"

namespace starlit {
namespace {

// What a link leads to; nothing for one that leads nowhere, in a circle or to where nobody may look: no errors here.
std::optional<Member> followed(const Place& place, Session& session, const Member& member) {
  if (member.type != MemberType::kLink) return member;
  try {
    return find_followed(place, session);
  } catch (const Error& error) {
    if (error.posix() != ELOOP && error.posix() != EACCES) throw;
    return std::nullopt;
  }
}

std::optional<Member> find_reachable(const Place& place, Session& session) {
  return session.may_reach(place.name) ? session.find(place.name) : std::nullopt;
}

// Whether a member has the wanted permissions and is of one of the wanted types. As on the host, permissions and all
// types but a link's are those of what a link leads to.
bool matches_types(const Place& place, Session& session, const Member& member, const Tcl_GlobTypeData* types) {
  if (types == nullptr) return true;
  const auto target = followed(place, session, member);
  if (types->perm != 0) {
    if (!target) return false;
    if ((types->perm & TCL_GLOB_PERM_W) != 0 && !(session.is_writable() && session.permits(*target, 2))) return false;
    const bool may_be_written = session.is_writable() && (target->permissions & 0222) != 0;
    if ((types->perm & TCL_GLOB_PERM_RONLY) != 0 && may_be_written) return false;
    if ((types->perm & TCL_GLOB_PERM_R) != 0 && !session.permits(*target, 4)) return false;
    const bool may_be_run = is_executable(*target) && session.permits(*target, 1);
    if ((types->perm & TCL_GLOB_PERM_X) != 0 && !may_be_run) return false;
  }
  if (types->type == 0) return true;
  if (member.type == MemberType::kLink && (types->type & TCL_GLOB_TYPE_LINK) != 0) return true;
  if (!target) return false;
  const int wanted = target->type == MemberType::kDirectory ? TCL_GLOB_TYPE_DIR : TCL_GLOB_TYPE_FILE;
  return (types->type & wanted) != 0;
}

// As the host does: a pattern that begins with a dot, or the type "hidden", asks for names that do; others leave them out.
bool matches_hidden(std::string_view part, std::string_view pattern, const Tcl_GlobTypeData* types) {
  const bool wants_hidden = pattern.starts_with('.') || pattern.starts_with("\\.") ||
                            (types != nullptr && (types->perm & TCL_GLOB_PERM_HIDDEN) != 0);
  return part.starts_with('.') == wants_hidden;
}

void match_itself(Tcl_Obj* result, Tcl_Obj* path, const Tcl_GlobTypeData* types) {
  const Place* place = place_of(path);
  const auto session = place->mount->session();
  const auto member = find_reachable(*place, *session);
  const bool wants_hidden = types != nullptr && (types->perm & TCL_GLOB_PERM_HIDDEN) != 0;
  // By the name as written: `.`, which an empty pattern comes to, is hidden, too.
  if (!member || (wants_hidden && !last_part(string_of(path)).starts_with('.'))) return;
  if (matches_types(*place, *session, *member, types)) Tcl_ListObjAppendElement(nullptr, result, path);
}

void match_children(Tcl_Obj* result, Tcl_Obj* path, const char* pattern, const Tcl_GlobTypeData* types) {
  const Place* place = place_of(path);
  const auto session = place->mount->session();
  const auto member = find_reachable(*place, *session);
  const auto target = member ? followed(*place, *session, *member) : std::nullopt;
  if (!target || target->type != MemberType::kDirectory) return;
  const std::string directory =
      session->archive().may_hold_links() ? followed_name(*place, *session).value_or(place->name) : place->name;
  // As the caller wrote it.
  std::string spelled(string_of(path));
  if (!spelled.empty() && !spelled.ends_with('/')) spelled += '/';
  const std::size_t prefix = spelled.size();
  if (!session->permits(*target, 4)) throw posix_error("couldn't read directory", spelled, EACCES);
  const bool may_look = session->permits(*target, 1);
  std::vector<std::string> parts = session->child_names(directory);
  parts.insert(parts.end(), {".", ".."});  // as the host lists them
  for (const std::string& part : parts) {
    if (!matches_hidden(part, pattern, types)) continue;
    const std::string tail = utf8_to_tcl(part);
    if (!Tcl_StringCaseMatch(tail.c_str(), pattern, 0)) continue;
    if (types != nullptr) {
      if (!may_look) continue;
      const std::string name = part == "."    ? directory
                               : part == ".." ? std::string(parent_name(directory))
                                              : join_name(directory, part);
      const Place child_place{place->mount, name};
      const auto child = session->find(child_place.name);
      if (!child || !matches_types(child_place, *session, *child, types)) continue;
    }
    spelled.replace(prefix, std::string::npos, tail);
    Tcl_ListObjAppendElement(nullptr, result, new_string(spelled));
  }
}

// The mount points that lie in a directory of any file system.
void match_mounts(Tcl_Obj* result, Tcl_Obj* path, const char* pattern) {
  std::string directory(normalized(nullptr, path));
  if (directory == "/") directory.clear();
  for (const auto& mount : mount_table()->all()) {
    if (parent_name(mount->point) != directory || mount->point == "/") continue;
    const std::string tail(last_part(mount->point));
    if (Tcl_StringCaseMatch(tail.c_str(), pattern, 0)) {
      Tcl_ListObjAppendElement(nullptr, result, new_string(mount->point));
    }
  }
}

}  // namespace

int match_in_directory(Tcl_Interp* interp, Tcl_Obj* result, Tcl_Obj* path, const char* pattern,
                       Tcl_GlobTypeData* types) noexcept {
  return command(interp, [&] {
    if (types != nullptr && (types->type & TCL_GLOB_TYPE_MOUNT) != 0) {
      match_mounts(result, path, pattern);
    } else if (pattern == nullptr || *pattern == '\0') {
      match_itself(result, path, types);
    } else {
      match_children(result, path, pattern, types);
    }
  });
}

}  // namespace starlit
