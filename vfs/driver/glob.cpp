// SPDX-License-Identifier: MIT

#include "glob.h"

#include "archive/name.h"
#include "place.h"

namespace starlit {
namespace {

// Whether a member is of one of the wanted types and has the wanted permissions. As on the host, all types but a link's
// are those of what a link leads to.
bool matches_types(const Place& place, const Member& member, const Tcl_GlobTypeData* types) {
  if (types == nullptr) return true;
  if ((types->perm & TCL_GLOB_PERM_W) != 0) return false;  // nothing can be written
  const bool is_link = member.type == MemberType::kLink;
  if (is_link && (types->type & TCL_GLOB_TYPE_LINK) != 0) return true;
  const auto followed = is_link ? find_followed(place) : std::optional(member);
  if ((types->perm & TCL_GLOB_PERM_X) != 0 && !(followed && is_executable(*followed))) return false;
  if (types->type == 0) return true;
  if (!followed) return false;
  const int wanted = followed->type == MemberType::kDirectory ? TCL_GLOB_TYPE_DIR : TCL_GLOB_TYPE_FILE;
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
  const auto member = place->mount->archive->find(place->name);
  if (member && matches_types(*place, *member, types)) Tcl_ListObjAppendElement(nullptr, result, path);
}

// The directory as the caller wrote it, with a `/` behind it.
std::string spelled_directory(Tcl_Obj* path) {
  const Obj translated(Tcl_FSGetTranslatedPath(nullptr, path));
  if (!translated) return "";
  // The reference that Tcl_FSGetTranslatedPath() gave is ours as well.
  Tcl_DecrRefCount(translated.get());
  std::string text(string_of(translated.get()));
  if (!text.empty() && !text.ends_with('/')) text += '/';
  return text;
}

void match_children(Tcl_Obj* result, Tcl_Obj* path, const char* pattern, const Tcl_GlobTypeData* types) {
  const Place* place = place_of(path);
  Archive& archive = *place->mount->archive;
  const auto directory = archive.may_hold_links() ? archive.resolve(place->name, true) : std::optional(place->name);
  if (!directory) return;
  const auto member = archive.find(*directory);
  if (!member || member->type != MemberType::kDirectory) return;
  std::string spelled = spelled_directory(path);
  const std::size_t prefix = spelled.size();
  for (const std::string& part : archive.child_names(*directory)) {
    if (!matches_hidden(part, pattern, types)) continue;
    const std::string tail = utf8_to_tcl(part);
    if (!Tcl_StringCaseMatch(tail.c_str(), pattern, 0)) continue;
    if (types != nullptr) {
      const Place child_place{place->mount, join_name(*directory, part)};
      const auto child = archive.find(child_place.name);
      if (!child || !matches_types(child_place, *child, types)) continue;
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
