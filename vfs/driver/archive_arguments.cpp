// SPDX-License-Identifier: MIT

#include "archive_arguments.h"

#include <map>

namespace starlit {

std::string host_path(Tcl_Interp* interp, Tcl_Obj* path) {
  const std::string_view given = string_of(path);
  if (!given.starts_with('~')) return to_host(normalized(interp, path));
  const Obj plain(new_string("./" + std::string(given)));
  return to_host(normalized(interp, plain.get()));
}

std::shared_ptr<Archive> load_any(const std::string& path, std::int64_t max_bytes) {
  return of_any(path, [&] { return Archive::load_file(path, max_bytes); }, open_foreign);
}

std::function<void(std::int64_t, std::int64_t)> progress_of(Tcl_Interp* interp, Tcl_Obj* prefix) {
  return [interp, prefix = Obj(prefix)](std::int64_t done, std::int64_t total) {
    const Obj call(Tcl_DuplicateObj(prefix.get()));
    Tcl_ListObjAppendElement(interp, call.get(), Tcl_NewWideIntObj(done));
    Tcl_ListObjAppendElement(interp, call.get(), Tcl_NewWideIntObj(total));
    if (Tcl_EvalObjEx(interp, call.get(), TCL_EVAL_GLOBAL) != TCL_OK) throw TclError{};
  };
}

// SQLite takes names as UTF-8 and does not look; another program's reader would stumble over them.
std::string member_name(Tcl_Obj* name) { return to_utf8(string_of(name)); }

namespace {

// The archives that entries take contents from, each opened once.
class Sources {
 public:
  explicit Sources(Tcl_Interp* interp) : interp_(interp) {}

  std::shared_ptr<Archive> open(Tcl_Obj* path) {
    auto& archive = archives_[host_path(interp_, path)];
    if (!archive) {
      archive = load_any(host_path(interp_, path));
      archive->hold();
    }
    return archive;
  }

 private:
  Tcl_Interp* interp_;
  std::map<std::string, std::shared_ptr<Archive>> archives_;
};

NewMember entry_of(Tcl_Interp* interp, Tcl_Obj* entry, Sources& sources) {
  const Arguments words = list_of(interp, entry);
  const auto bad = [&]() -> Error { return {EINVAL, "ENTRY", quoted("bad entry", string_of(entry))}; };
  if (words.size() < 3) throw bad();
  const std::string_view kind = string_of(words[1]);
  NewMember member;
  member.name = member_name(words[0]);
  if (kind == "file" && (words.size() == 3 || words.size() == 5)) {
    member = member_from_file(std::move(member.name), host_path(interp, words[2]));
    if (words.size() == 3) return member;
  } else if (kind == "bytes" && words.size() == 5) {
    member.content = bytes_of(words[2]);
    member.size_bytes = static_cast<std::int64_t>(member.content.size());
  } else if (kind == "directory" && words.size() == 4) {
    member.type = MemberType::kDirectory;
  } else if (kind == "attributes" && words.size() == 4) {
    member.attributes_only = true;
  } else if (kind == "link" && words.size() == 5) {
    member.type = MemberType::kLink;
    member.content = to_utf8(string_of(words[2]));
  } else if (kind == "member" && words.size() == 6) {
    member = member_from_archive(std::move(member.name), sources.open(words[2]), member_name(words[3]));
  } else {
    throw bad();
  }
  member.permissions = static_cast<std::uint32_t>(wide_of(interp, words[words.size() - 2])) & 07777;
  member.mtime_s = wide_of(interp, words.back());
  return member;
}

}  // namespace

std::vector<NewMember> entries_of(Tcl_Interp* interp, Tcl_Obj* entries) {
  Sources sources(interp);
  std::vector<NewMember> members;
  for (Tcl_Obj* entry : list_of(interp, entries)) members.push_back(entry_of(interp, entry, sources));
  return members;
}

PackageRecord package_of(Tcl_Interp* interp, Tcl_Obj* package) {
  const Arguments words = list_of(interp, package);
  if (words.size() != 4) throw Error(EINVAL, "ENTRY", quoted("bad package record", string_of(package)));
  return {to_utf8(string_of(words[0])), to_utf8(string_of(words[1])), to_utf8(string_of(words[2])),
          to_utf8(string_of(words[3]))};
}

std::int64_t level_of(Tcl_Interp* interp, Tcl_Obj* value) {
  const std::int64_t level = wide_of(interp, value);
  if (level < 0 || level > kLevelMax) {
    throw Error(EINVAL, "OPTION", quoted("bad level", string_of(value)) + ": must be 0 to 12");
  }
  return level;
}

}  // namespace starlit
