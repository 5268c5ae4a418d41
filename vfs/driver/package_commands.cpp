// SPDX-License-Identifier: MIT
//
// starlit::package_index find NAME AUTO_PATH TM_PATHS
//
// Answers from the records of the mounted archives which pkgIndex.tcl files and Tcl modules provide a package, as a
// dict:
//
//     complete  whether every directory of both paths is covered: it lies in an archive with a valid record, or there is
//               nothing at that path. Otherwise the answer may lack something and the usual search has to follow.
//     indexes   the directories whose pkgIndex.tcl is to be sourced, in the order in which tclPkgUnknown would: the last
//               directory of AUTO_PATH first, in each its subdirectories before itself. Directories whose index has to be
//               read always are among them.
//     modules   list of {version file}

#include <algorithm>

#include "archive/name.h"
#include "archive/packages.h"
#include "command_table.h"
#include "driver/commands.h"
#include "driver/driver.h"

namespace starlit {
namespace {

class Search {
 public:
  Search(Tcl_Interp* interp, std::string_view name) : interp_(interp), name_(to_utf8(name)) {}

  void search_directory(Tcl_Obj* directory) {
    for_records(directory, [&](const Place& place, const std::vector<PackageRecord>& records) {
      std::vector<std::string> indexes;
      for (const PackageRecord& record : records) {
        if (!record.module.empty()) continue;
        const bool here = record.directory == place.name;
        const bool below = !record.directory.empty() && parent_name(record.directory) == place.name;
        if (here || below) indexes.push_back(record.directory);
      }
      // What lies below the directory comes before what lies in it.
      std::sort(indexes.begin(), indexes.end(), [&](const std::string& a, const std::string& b) {
        return std::pair(a == place.name, std::string_view(a)) < std::pair(b == place.name, std::string_view(b));
      });
      for (const std::string& index : indexes) add(indexes_, path_of(place, index));
    });
  }

  void search_modules(Tcl_Obj* root) {
    for_records(root, [&](const Place& place, const std::vector<PackageRecord>& records) {
      for (const PackageRecord& record : records) {
        if (record.module.empty() || record.name.empty() || record.directory != place.name) continue;
        Tcl_Obj* const words[] = {from_utf8(record.version), path_of(place, record.module)};
        Tcl_ListObjAppendElement(nullptr, modules_.get(), Tcl_NewListObj(2, words));
      }
    });
  }

  Obj result() const {
    Obj dict(Tcl_NewDictObj());
    Tcl_DictObjPut(nullptr, dict.get(), new_string("complete"), Tcl_NewBooleanObj(complete_));
    Tcl_DictObjPut(nullptr, dict.get(), new_string("indexes"), indexes_.get());
    Tcl_DictObjPut(nullptr, dict.get(), new_string("modules"), modules_.get());
    return dict;
  }

 private:
  template <typename Visit>
  void for_records(Tcl_Obj* directory, Visit visit) {
    const auto place = mount_table()->find(normalized(interp_, directory));
    if (!place) {
      if (Tcl_FSAccess(directory, 0) == 0) complete_ = false;
      return;
    }
    Place here{place->mount, to_utf8(place->name)};
    const auto session = place->mount->session();
    Archive& its_archive = session->archive();
    // The archives on a search path are few: asking each once is enough.
    for (const auto& [archive, records] : known_) {
      if (archive == &its_archive) return visit(here, records);
    }
    const auto records = find_packages(its_archive, name_);
    if (!records) {
      complete_ = false;
      return;
    }
    known_.emplace_back(&its_archive, *records);
    visit(here, known_.back().second);
  }

  static Tcl_Obj* path_of(const Place& place, const std::string& name) {
    const Obj tail(from_utf8(name));
    return new_string(place.mount->point + (name.empty() ? "" : "/") + std::string(string_of(tail.get())));
  }

  static void add(const Obj& list, Tcl_Obj* element) { Tcl_ListObjAppendElement(nullptr, list.get(), element); }

  Tcl_Interp* interp_;
  const std::string name_;
  bool complete_ = true;
  const Obj indexes_{Tcl_NewListObj(0, nullptr)};
  const Obj modules_{Tcl_NewListObj(0, nullptr)};
  std::vector<std::pair<const Archive*, std::vector<PackageRecord>>> known_;
};

Obj find(Tcl_Interp* interp, Arguments arguments) {
  Search search(interp, string_of(arguments[0]));
  const Arguments directories = list_of(interp, arguments[1]);
  for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory) {
    search.search_directory(*directory);
  }
  for (Tcl_Obj* root : list_of(interp, arguments[2])) search.search_modules(root);
  return search.result();
}

constexpr CommandRow kCommands[] = {{"find", "name auto_path tm_paths", 3, 3, find}};

}  // namespace

void create_package_commands(Tcl_Interp* interp) { create_ensemble(interp, "::starlit::package_index", kCommands); }

}  // namespace starlit
