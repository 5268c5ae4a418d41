// SPDX-License-Identifier: MIT

#include "archive_upkeep.h"

#include <time.h>

#include <algorithm>

#include "archive/check.h"
#include "archive/member_changes.h"
#include "archive/vacuum.h"
#include "archive_arguments.h"

namespace starlit {
namespace {

constexpr std::int64_t kFaultsMax = 1000;

class Dict {
 public:
  void put(const char* key, Tcl_Obj* value) { Tcl_DictObjPut(nullptr, dict_.get(), new_string(key), value); }
  void put(const char* key, std::int64_t value) { put(key, Tcl_NewWideIntObj(value)); }
  Obj take() { return std::move(dict_); }

 private:
  Obj dict_{Tcl_NewDictObj()};
};

PackageIndex index_of(Tcl_Interp* interp, Tcl_Obj* counter, Tcl_Obj* packages) {
  PackageIndex index;
  index.counter = static_cast<std::uint32_t>(wide_of(interp, counter));
  for (Tcl_Obj* package : list_of(interp, packages)) index.packages.push_back(package_of(interp, package));
  return index;
}

const char* journal_name(JournalState state) {
  switch (state) {
    case JournalState::kHot: return "hot";
    case JournalState::kRolledBack: return "rolledback";
    default: return "none";
  }
}

}  // namespace

Obj add_archive_members(Tcl_Interp* interp, Arguments arguments) {
  std::int64_t mtime_max_s = INT64_MAX;
  ChangeProgress progress;
  Deletion deletion;
  deletion.options.recursive = true;
  deletion.options.now_s = ::time(nullptr);
  each_option(arguments.subspan(2), [&](std::string_view option, Tcl_Obj* value) {
    if (option == "-clamp") {
      mtime_max_s = wide_of(interp, value);
    } else if (option == "-delete") {
      for (Tcl_Obj* name : list_of(interp, value)) deletion.names.push_back(member_name(name));
    } else if (option == "-now") {
      deletion.options.now_s = wide_of(interp, value);
    } else if (option == "-progress") {
      progress = progress_of(interp, value);
    } else {
      return false;
    }
    return true;
  });
  std::vector<NewMember> members = entries_of(interp, arguments[1]);
  for (NewMember& member : members) member.mtime_s = std::min(member.mtime_s, mtime_max_s);
  const Added added = add_members(host_path(interp, arguments[0]), std::move(members), progress, deletion);
  Dict dict;
  dict.put("made", added.made);
  dict.put("replaced", added.replaced);
  dict.put("deleted", added.deleted);
  dict.put("content", added.content_bytes);
  dict.put("bytes", added.file_bytes);
  return dict.take();
}

Obj delete_archive_members(Tcl_Interp* interp, Arguments arguments) {
  DeleteOptions options;
  options.now_s = ::time(nullptr);
  each_option(arguments.subspan(2), [&](std::string_view option, Tcl_Obj* value) {
    if (option == "-recursive") {
      options.recursive = boolean_of(interp, value);
    } else if (option == "-force") {
      options.runtime_members = boolean_of(interp, value);
    } else if (option == "-now") {
      options.now_s = wide_of(interp, value);
    } else {
      return false;
    }
    return true;
  });
  std::vector<std::string> names;
  for (Tcl_Obj* name : list_of(interp, arguments[1])) names.push_back(member_name(name));
  return Obj(Tcl_NewWideIntObj(delete_members(host_path(interp, arguments[0]), std::move(names), options)));
}

Obj index_archive(Tcl_Interp* interp, Arguments arguments) {
  record_packages(host_path(interp, arguments[0]), index_of(interp, arguments[1], arguments[2]));
  return Obj();
}

Obj vacuum_archive_file(Tcl_Interp* interp, Arguments arguments) {
  VacuumOptions options;
  each_option(arguments.subspan(1), [&](std::string_view option, Tcl_Obj* value) {
    if (option == "-level") {
      options.level = static_cast<int>(level_of(interp, value));
    } else if (option == "-index") {
      const Arguments words = list_of(interp, value);
      if (words.size() != 2) throw Error(EINVAL, "OPTION", "bad value of option \"-index\": must be {counter packages}");
      options.index = index_of(interp, words[0], words[1]);
    } else if (option == "-output") {
      options.output = host_path(interp, value);
    } else if (option == "-progress") {
      options.progress = progress_of(interp, value);
    } else {
      return false;
    }
    return true;
  });
  const Vacuumed done = vacuum_archive(host_path(interp, arguments[0]), options);
  Dict dict;
  dict.put("before", done.before_bytes);
  dict.put("after", done.after_bytes);
  dict.put("chunks", done.swept_chunks);
  dict.put("deflated", done.deflated);
  dict.put("indexed", Tcl_NewBooleanObj(done.has_index));
  return dict.take();
}

Obj check_archive_file(Tcl_Interp* interp, Arguments arguments) {
  CheckOptions options;
  each_option(arguments.subspan(1), [&](std::string_view option, Tcl_Obj* value) {
    if (option == "-repair") {
      options.repair = boolean_of(interp, value);
    } else if (option == "-progress") {
      options.progress = progress_of(interp, value);
    } else {
      return false;
    }
    return true;
  });
  const Obj faults(Tcl_NewListObj(0, nullptr));
  std::int64_t told = 0;
  const Checked checked = check_archive(host_path(interp, arguments[0]), options, [&](const Fault& fault) {
    if (++told > kFaultsMax) return;
    // What a damaged archive holds as a name need not be UTF-8.
    Tcl_Obj* const words[] = {new_string(fault.code), from_utf8(fault.member), from_utf8(fault.text)};
    Tcl_ListObjAppendElement(nullptr, faults.get(), Tcl_NewListObj(3, words));
  });
  Dict dict;
  dict.put("members", checked.members);
  dict.put("content", checked.content_bytes);
  dict.put("count", checked.faults);
  dict.put("faults", faults.get());
  dict.put("free", checked.free_bytes);
  dict.put("lostchunks", checked.lost_chunks);
  dict.put("lostbytes", checked.lost_bytes);
  dict.put("journal", new_string(journal_name(checked.journal)));
  dict.put("mark", checked.mark_restored ? 1 : 0);
  return dict.take();
}

}  // namespace starlit
