// SPDX-License-Identifier: MIT

#include "inspect.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"

namespace starlit {
namespace {

void fill_stat(const Place& place, const Member& member, Tcl_StatBuf* status) {
  *status = {};
  status->st_dev = place.mount->device;
  status->st_ino = member.inode;
  status->st_mode = member.mode();
  status->st_nlink = 1;
  status->st_uid = ::geteuid();
  status->st_gid = ::getegid();
  status->st_size = member.size_bytes;
  status->st_blksize = 4096;
  status->st_blocks = (member.size_bytes + 511) / 512;
  const bool is_root = place.name.empty();
  status->st_mtime = status->st_atime = status->st_ctime =
      is_root && member.mtime_s == 0 ? place.mount->root_mtime_s : member.mtime_s;
  if (const auto atime_s = place.mount->atime(place.name)) status->st_atime = *atime_s;
}

constexpr const char* kAttributes[] = {"-group", "-owner", "-permissions", "-stored", nullptr};

// As Tcl's own: the name, or the number where there is none.
Tcl_Obj* name_or_number(const char* name, std::uint32_t number) {
  return name == nullptr ? Tcl_NewIntObj(static_cast<int>(number)) : from_host(name);
}

}  // namespace

int stat_path(Tcl_Obj* path, Tcl_StatBuf* status) noexcept {
  return answer([&] {
    const Place* place = place_of(path);
    const auto session = place->mount->session();
    const Archive::Snapshot view(session->archive());
    const auto member = find_followed(*place, *session);
    if (!member) return missing(*place, *session);
    fill_stat(*place, *member, status);
    return 0;
  });
}

int lstat_path(Tcl_Obj* path, Tcl_StatBuf* status) noexcept {
  return answer([&] {
    const Place* place = place_of(path);
    const auto session = place->mount->session();
    const Archive::Snapshot view(session->archive());
    session->need_search(place->name);
    const auto member = session->find(place->name);
    if (!member) return missing(*place, *session);
    fill_stat(*place, *member, status);
    return 0;
  });
}

int access_path(Tcl_Obj* path, int mode) noexcept {
  return answer([&] {
    // Not missing(): what is asked most, `file exists`, does not ask why.
    const Place* place = place_of(path);
    const auto session = place->mount->session();
    const auto member = find_followed(*place, *session);
    if (!member) return ENOENT;
    if ((mode & W_OK) != 0 && !session->is_writable()) return EROFS;
    if ((mode & W_OK) != 0 && !session->permits(*member, 2)) return EACCES;
    if ((mode & R_OK) != 0 && !session->permits(*member, 4)) return EACCES;
    if ((mode & X_OK) != 0 && !(is_executable(*member) && session->permits(*member, 1))) return EACCES;
    return 0;
  });
}

int change_directory(Tcl_Obj* path) noexcept {
  return answer([&] {
    const Place* place = place_of(path);
    const auto session = place->mount->session();
    const auto member = find_followed(*place, *session);
    if (!member) return missing(*place, *session);
    if (member->type != MemberType::kDirectory) return ENOTDIR;
    if (!session->permits(*member, 1)) return EACCES;
    std::string directory = to_host(place->mount->point);
    do {
      directory = parent_name(directory);
    } while (::chdir(directory.empty() ? "/" : directory.c_str()) != 0 && !directory.empty());
    return 0;
  });
}

const char* const* attribute_names(Tcl_Obj*, Tcl_Obj**) noexcept { return kAttributes; }

int get_attribute(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj** value) noexcept {
  const int result = answer([&] {
    const Place* place = place_of(path);
    const auto session = place->mount->session();
    const auto member = find_followed(*place, *session);
    if (!member) return missing(*place, *session);
    if (index < 0 || index >= kAttributeCount) return EINVAL;
    switch (static_cast<Attribute>(index)) {
      case Attribute::kGroup: {
        const struct group* entry = ::getgrgid(::getegid());
        *value = name_or_number(entry == nullptr ? nullptr : entry->gr_name, ::getegid());
        break;
      }
      case Attribute::kOwner: {
        const struct passwd* entry = ::getpwuid(::geteuid());
        *value = name_or_number(entry == nullptr ? nullptr : entry->pw_name, ::geteuid());
        break;
      }
      case Attribute::kPermissions:
        // Tcl's own cuts the mode to 15 bits, so that of a directory shows its type (tclUnixFCmd.c).
        *value = Tcl_ObjPrintf("%0#5o", member->mode() & 0x7fffu);
        break;
      case Attribute::kStored:
        *value = Tcl_NewWideIntObj(session->archive().stored_bytes(*member));
        break;
    }
    return 0;
  });
  if (result != 0 && interp != nullptr) {
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("could not read \"%s\": %s", Tcl_GetString(path), Tcl_PosixError(interp)));
  }
  return result == 0 ? TCL_OK : TCL_ERROR;
}

}  // namespace starlit
