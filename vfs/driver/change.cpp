// SPDX-License-Identifier: MIT

#include "change.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "archive/editor.h"
#include "base/file.h"
#include "inspect.h"
#include "permissions.h"
#include "place.h"

namespace starlit {
namespace {

// Tcl hands the result of these procedures on as the result of a command: not -1.
template <typename Body>
int change(Body&& body) noexcept {
  return answer(body) == 0 ? TCL_OK : TCL_ERROR;
}

// As Tcl's own: a directory that holds something "exists".
int exists_for_not_empty() noexcept {
  if (Tcl_GetErrno() == ENOTEMPTY) Tcl_SetErrno(EEXIST);
  return TCL_ERROR;
}

void set_culprit(Tcl_Obj** culprit, Tcl_Obj* path) noexcept {
  if (culprit == nullptr) return;
  *culprit = path;
  Tcl_IncrRefCount(path);
}

// The member that a copy was at: one of the source, or the one to be made.
struct Tried {
  bool is_source = false;
  std::string name;
};

// Copies a directory with what lies below it.
void copy_tree(Session& session, const std::string& from, const std::string& to, Tried& tried) {
  tried = {false, to};
  const auto member = session.find(from);
  if (!member) return;
  if (member->type != MemberType::kDirectory) return session.copy_file(from, to);
  // Open to the owner until all is in it.
  session.make_directory(to, member->permissions | 0700);
  tried = {true, from};
  if (!session.permits(*member, 4)) throw Error(EACCES, "", "");
  for (const std::string& part : session.child_names(from)) {
    tried = {true, join_name(from, part)};
    if (!session.permits(*member, 1)) throw Error(EACCES, "", "");
    copy_tree(session, join_name(from, part), join_name(to, part), tried);
  }
  tried = {false, to};
  if ((member->permissions & 0700) != 0700) session.set_permissions(to, member->permissions);
  session.set_mtime(to, member->mtime_s);
}

// The path of a member at or below that of another, spelled as that one is.
Obj path_below(Tcl_Obj* path, std::string_view place, std::string_view name) {
  const Obj above = name == place ? Obj() : translated(path);
  if (!above) return Obj(path);
  std::string text(string_of(above.get()));
  if (!place.empty()) name.remove_prefix(place.size() + 1);
  if (!text.ends_with('/')) text += '/';
  return Obj(new_string(text + utf8_to_tcl(name)));
}

// A group or user as Tcl takes it: a number or a name that the host knows. Nothing, and the host's words for it, where
// there is none.
std::optional<std::uint32_t> find_id(Tcl_Interp* interp, Attribute attribute, Tcl_Obj* path, Tcl_Obj* value) {
  Tcl_WideInt number;
  if (Tcl_GetWideIntFromObj(nullptr, value, &number) == TCL_OK) return static_cast<std::uint32_t>(number);
  const std::string name = to_host(string_of(value));
  const bool is_group = attribute == Attribute::kGroup;
  if (is_group) {
    if (const struct group* entry = ::getgrnam(name.c_str())) return entry->gr_gid;
  } else if (const struct passwd* entry = ::getpwnam(name.c_str())) {
    return entry->pw_uid;
  }
  if (interp != nullptr) {
    const char* word = is_group ? "group" : "user";
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("could not set %s for file \"%s\": %s \"%s\" does not exist",
                                           is_group ? "group" : "owner", Tcl_GetString(path), word,
                                           Tcl_GetString(value)));
    Tcl_SetErrorCode(interp, "TCL", "OPERATION", is_group ? "SETGRP" : "SETOWN", is_group ? "NO_GROUP" : "NO_USER",
                     nullptr);
  }
  return std::nullopt;
}

}  // namespace

std::uint32_t new_permissions(int wanted) noexcept {
  // Tcl has no command that changes the umask.
  static const mode_t mask = current_umask();
  return static_cast<std::uint32_t>(wanted) & 07777 & ~mask;
}

int utime_path(Tcl_Obj* path, struct utimbuf* times) noexcept {
  return answer([&] {
    const Place* place = place_of(path);
    const auto session = place->mount->session();
    if (!session->is_writable()) return EROFS;
    const auto name = followed_name(*place, *session);
    if (!name) return missing(*place, *session);
    session->set_mtime(*name, times->modtime);
    if (times->actime != times->modtime) {
      place->mount->set_atime(*name, times->actime);
    } else {
      place->mount->forget_atimes(*name);
    }
    return 0;
  });
}

Tcl_Obj* link_path(Tcl_Obj* path, Tcl_Obj* to, int action) noexcept {
  Tcl_Obj* result = nullptr;
  answer([&] {
    const Place* place = place_of(path);
    const auto session = place->mount->session();
    if (to == nullptr) {
      session->need_search(place->name);
      const auto text = session->archive().link_target(place->name);
      if (!text) return session->find(place->name) ? EINVAL : missing(*place, *session);
      result = from_utf8(*text);
      Tcl_IncrRefCount(result);
      return 0;
    }
    if (!session->is_writable()) return EROFS;
    if ((action & TCL_CREATE_SYMBOLIC_LINK) == 0) return EOPNOTSUPP;
    // What a relative target is relative to is the link's directory. The target must be there, as Tcl has it.
    Tcl_Obj* seen = to;
    Obj joined;
    if (Tcl_FSGetPathType(to) == TCL_PATH_RELATIVE) {
      std::string_view text = string_of(path);
      while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
      const std::string directory(parent_name(text));
      joined = Obj(directory.empty() ? to : new_string(directory + "/" + std::string(string_of(to))));
      seen = joined.get();
    }
    if (Tcl_FSAccess(seen, F_OK) != 0) return ENOENT;
    if (session->find(place->name)) return EEXIST;
    const Obj target = translated(to);
    if (!target) return ENOENT;
    session->make_link(place->name, to_utf8(string_of(target.get())));
    result = to;
    return 0;
  });
  return result;
}

int set_attribute(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj* value) noexcept {
  constexpr const char* kNames[] = {"group", "owner", "permissions", "stored size"};
  const auto attribute = static_cast<Attribute>(index);
  bool told = index < 0 || index >= kAttributeCount;
  if (told) return set_error(interp, posix_error("couldn't set attributes for", string_of(path), EINVAL));
  const int result = change([&] {
    std::optional<std::uint32_t> id;
    if (attribute == Attribute::kGroup || attribute == Attribute::kOwner) {
      id = find_id(interp, attribute, path, value);
      told = !id;
      if (told) return EINVAL;
    }
    const Place* place = place_of(path);
    const auto session = place->mount->session();
    if (!session->is_writable()) return EROFS;
    const auto name = followed_name(*place, *session);
    if (!name) return missing(*place, *session);
    switch (attribute) {
      // An archive has no owners: all belongs to who runs the program.
      case Attribute::kGroup: return *id == ::getegid() ? 0 : EPERM;
      case Attribute::kOwner: return *id == ::geteuid() ? 0 : EPERM;
      case Attribute::kStored: return EPERM;
      case Attribute::kPermissions: break;
    }
    Tcl_WideInt number;
    auto permissions = parse_permissions(string_of(value), session->find(*name)->permissions);
    if (!permissions && Tcl_GetWideIntFromObj(nullptr, value, &number) == TCL_OK) {
      permissions = static_cast<std::uint32_t>(number & 07777);
    }
    if (!permissions) {
      if (interp != nullptr) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("unknown permission string format \"%s\"", Tcl_GetString(value)));
        Tcl_SetErrorCode(interp, "TCL", "VALUE", "PERMISSION", nullptr);
      }
      told = true;
      return EINVAL;
    }
    session->set_permissions(*name, *permissions);
    return 0;
  });
  if (result != TCL_OK && !told && interp != nullptr) {
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("could not set %s for file \"%s\": %s", kNames[index], Tcl_GetString(path),
                                           Tcl_PosixError(interp)));
  }
  return result;
}

int create_directory(Tcl_Obj* path) noexcept {
  return change([&] {
    const Place* place = place_of(path);
    place->mount->session()->make_directory(place->name, new_permissions(0777));
    return 0;
  });
}

int remove_directory(Tcl_Obj* path, int recursive, Tcl_Obj** culprit) noexcept {
  Obj tried(path);
  const int result = change([&] {
    const Place* place = place_of(path);
    const auto session = place->mount->session();
    if (recursive != 0 && session->may_reach(place->name)) {
      if (const auto shut = session->not_to_be_emptied(place->name)) {
        tried = path_below(path, place->name, *shut);
        return EACCES;
      }
    }
    session->remove_directory(place->name, recursive != 0);
    place->mount->forget_atimes(place->name);
    return 0;
  });
  if (result == TCL_OK) return TCL_OK;
  set_culprit(culprit, tried.get());
  return exists_for_not_empty();
}

int delete_file(Tcl_Obj* path) noexcept {
  return change([&] {
    const Place* place = place_of(path);
    place->mount->session()->remove_file(place->name);
    place->mount->forget_atimes(place->name);
    return 0;
  });
}

int copy_file(Tcl_Obj* from, Tcl_Obj* to) noexcept {
  return change([&] {
    const Place* source = place_of(from);
    const Place* target = place_of(to);
    if (source->mount != target->mount) return EXDEV;
    target->mount->session()->copy_file(source->name, target->name);
    return 0;
  });
}

int rename_file(Tcl_Obj* from, Tcl_Obj* to) noexcept {
  const int result = change([&] {
    const Place* source = place_of(from);
    const Place* target = place_of(to);
    if (source->mount != target->mount) return EXDEV;
    source->mount->session()->rename(source->name, target->name);
    source->mount->move_atimes(source->name, target->name);
    return 0;
  });
  return result == TCL_OK ? TCL_OK : exists_for_not_empty();
}

int copy_directory(Tcl_Obj* from, Tcl_Obj* to, Tcl_Obj** culprit) noexcept {
  Tried tried;
  const int result = change([&] {
    const Place* source = place_of(from);
    const Place* target = place_of(to);
    if (source->mount != target->mount) return EXDEV;
    tried = {false, target->name};
    const auto session = source->mount->session();
    if (!session->find(source->name)) return missing(*source, *session);
    if (target->name == source->name || target->name.starts_with(source->name + "/")) return EINVAL;
    const Session::Handles handles(*session);
    try {
      Transaction transaction(session->archive());
      copy_tree(*session, source->name, target->name, tried);
      transaction.commit();
    } catch (const Error&) {
      handles.restore();
      throw;
    }
    return 0;
  });
  // Tcl asks again, for the copy between file systems.
  const int error = Tcl_GetErrno();
  if (result == TCL_OK || error == EXDEV) return result;
  answer([&] {
    Tcl_Obj* path = tried.is_source ? from : to;
    set_culprit(culprit, path_below(path, place_of(path)->name, tried.name).get());
    return 0;
  });
  Tcl_SetErrno(error);
  return result;
}

}  // namespace starlit
