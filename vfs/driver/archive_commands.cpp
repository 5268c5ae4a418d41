// SPDX-License-Identifier: MIT
//
// starlit::archive create OUTPUT ENTRIES ?-option value ...?
//
//     ENTRIES  a list of
//                  {NAME file PATH ?MODE MTIME?}  type, mode, time and content of PATH, a file, directory or link
//                  {NAME bytes DATA MODE MTIME}  a file with these bytes
//                  {NAME directory MODE MTIME}
//                  {NAME link TARGET MODE MTIME}
//                  {NAME member ARCHIVE MEMBER MODE MTIME}  the content of a file in another archive of whatever format
//     -script BYTES     a kit's header; padded here
//     -runtime FILE     an executable that gives program and runtime members
//     -program FILE     an ELF program that becomes a runtime with these members
//     -level N          0 (store) to 12; default 6
//     -store NAMES      members whose contents are stored at any level
//     -pagesize N       of the database; default chosen by the content
//     -writable BOOLEAN whether it will be changed in place, which that choice heeds
//     -packages LIST    of {name version directory module}, for all entries; without it no package index is recorded
//     -progress PREFIX  called with the bytes done and in all
//     -mode N           permissions of the output
//     -clamp SECONDS    later times become this one
//
// starlit::archive extract FILE DIRECTORY ?-runtime BOOLEAN? ?-names LIST? ?-progress PREFIX?
//
//     -names LIST       these members alone; of a directory not what is in it, unless that is named too
//
// starlit::archive packages FILE: the recorded package index, a list of {name version directory module}; empty where there
// is none. Of an executable, only what its runtime's members provide.
//
// starlit::archive info FILE: a dict
//     format    plain, kit, runtime (an executable without a main.tcl), starpack, metakit, zip; of the last two only
//               format, prefix and size are told
//     machine   of a runtime or starpack: what it runs on, as uname(1) names it
//     prefix    bytes in front of the archive
//     size      of the file
//     pagesize, version
//     counter   the archive's change counter
//     indexed   whether a package index is recorded; `valid`: and holds
//
// starlit::archive publish TEMPORARY OUTPUT MODE
//
//     Gives a file that is complete its permissions, less the umask, and its name, where it may take the place of another
//     file: what writes files in Tcl ends so. TEMPORARY is in the directory of OUTPUT.
//
// starlit::archive lines: archive_lines.h. The subcommands that change an archive or check it: archive_upkeep.h.

#include <sys/stat.h>

#include <set>
#include <string>

#include "archive/executable.h"
#include "archive/extract.h"
#include "archive/facts.h"
#include "archive/name.h"
#include "archive/packages.h"
#include "archive/writer.h"
#include "archive_arguments.h"
#include "archive_lines.h"
#include "archive_upkeep.h"
#include "base/file.h"
#include "command_table.h"
#include "driver/commands.h"

namespace starlit {
namespace {

struct Creation {
  NewArchive archive;
  std::set<std::string> stored;  // names
};

bool set_create_option(Tcl_Interp* interp, Creation& creation, std::string_view option, Tcl_Obj* value) {
  NewArchive& archive = creation.archive;
  if (option == "-script") {
    archive.script = bytes_of(value);
  } else if (option == "-runtime") {
    archive.runtime_path = host_path(interp, value);
  } else if (option == "-program") {
    archive.program_path = host_path(interp, value);
  } else if (option == "-level") {
    archive.level = static_cast<int>(level_of(interp, value));
  } else if (option == "-store") {
    for (Tcl_Obj* name : list_of(interp, value)) creation.stored.insert(member_name(name));
  } else if (option == "-pagesize") {
    const std::int64_t size = wide_of(interp, value);
    if (size < 512 || size > 65536 || (size & (size - 1)) != 0) {
      throw Error(EINVAL, "OPTION", quoted("bad page size", string_of(value)) + ": must be a power of 2, 512 to 65536");
    }
    archive.page_size_bytes = static_cast<int>(size);
  } else if (option == "-writable") {
    archive.for_writing = boolean_of(interp, value);
  } else if (option == "-packages") {
    archive.packages.emplace();
    for (Tcl_Obj* package : list_of(interp, value)) archive.packages->push_back(package_of(interp, package));
  } else if (option == "-progress") {
    archive.progress = progress_of(interp, value);
  } else if (option == "-mode") {
    archive.permissions = static_cast<std::uint32_t>(wide_of(interp, value)) & 07777;
  } else if (option == "-clamp") {
    archive.mtime_max_s = wide_of(interp, value);
  } else {
    return false;
  }
  return true;
}

Obj create(Tcl_Interp* interp, Arguments arguments) {
  Creation creation;
  NewArchive& archive = creation.archive;
  each_option(arguments.subspan(2), [&](std::string_view option, Tcl_Obj* value) {
    return set_create_option(interp, creation, option, value);
  });
  archive.members = entries_of(interp, arguments[1]);
  for (NewMember& member : archive.members) {
    if (member.attributes_only) {
      throw Error(EINVAL, "ENTRY", quoted("bad entry", member.name) + ": attributes are for what is there");
    }
    member.stored = creation.stored.contains(member.name);
  }
  const Written written = write_archive(host_path(interp, arguments[0]), std::move(archive));
  Obj dict(Tcl_NewDictObj());
  Tcl_DictObjPut(nullptr, dict.get(), new_string("members"), Tcl_NewWideIntObj(written.members));
  Tcl_DictObjPut(nullptr, dict.get(), new_string("bytes"), Tcl_NewWideIntObj(written.file_bytes));
  Tcl_DictObjPut(nullptr, dict.get(), new_string("content"), Tcl_NewWideIntObj(written.content_bytes));
  return dict;
}

const char* type_name(MemberType type) {
  switch (type) {
    case MemberType::kFile: return "file";
    case MemberType::kLink: return "link";
    default: return "directory";
  }
}

void put(const Obj& dict, const char* key, Tcl_Obj* value) {
  Tcl_DictObjPut(nullptr, dict.get(), new_string(key), value);
}

// Of a larger archive most is contents, which a list need not read.
constexpr std::int64_t kListedMax = 8 << 20;

Obj list(Tcl_Interp* interp, Arguments arguments) {
  bool with_runtime = false;
  each_option(arguments.subspan(1), [&](std::string_view option, Tcl_Obj* value) {
    if (option == "-runtime") with_runtime = boolean_of(interp, value);
    return option == "-runtime";
  });
  const auto archive = load_any(host_path(interp, arguments[0]), kListedMax);
  const Archive::Snapshot snapshot(*archive);
  const auto runtime = with_runtime ? std::set<std::string, std::less<>>() : runtime_members(*archive);
  const Obj members(Tcl_NewListObj(0, nullptr));
  archive->each([&](std::string_view name, const Member& member) {
    if (runtime.contains(name)) return;
    const auto target = member.type == MemberType::kLink ? archive->link_target(name) : std::nullopt;
    Tcl_Obj* const words[] = {from_utf8(name),
                              new_string(type_name(member.type)),
                              Tcl_NewWideIntObj(member.permissions),
                              Tcl_NewWideIntObj(member.mtime_s),
                              Tcl_NewWideIntObj(member.size_bytes),
                              Tcl_NewWideIntObj(archive->stored_bytes(member)),
                              from_utf8(target.value_or(""))};
    Tcl_ListObjAppendElement(nullptr, members.get(), Tcl_NewListObj(7, words));
  });
  return members;
}

Obj extract(Tcl_Interp* interp, Arguments arguments) {
  ExtractOptions options;
  each_option(arguments.subspan(2), [&](std::string_view option, Tcl_Obj* value) {
    if (option == "-runtime") {
      options.runtime_members = boolean_of(interp, value);
    } else if (option == "-names") {
      options.names.emplace();
      for (Tcl_Obj* name : list_of(interp, value)) options.names->insert(member_name(name));
    } else if (option == "-progress") {
      options.progress = progress_of(interp, value);
    } else {
      return false;
    }
    return true;
  });
  const auto archive = load_any(host_path(interp, arguments[0]), options.names ? 0 : Archive::kLoadMax);
  return Obj(Tcl_NewWideIntObj(extract_archive(*archive, host_path(interp, arguments[1]), options)));
}

Obj packages(Tcl_Interp* interp, Arguments arguments) {
  const auto archive = Archive::open_file(host_path(interp, arguments[0]));
  const Archive::Snapshot snapshot(*archive);
  const auto runtime = runtime_members(*archive);
  const Obj rows(Tcl_NewListObj(0, nullptr));
  for (const PackageRecord& package : all_packages(*archive)) {
    const std::string member = package.module.empty() ? join_name(package.directory, "pkgIndex.tcl") : package.module;
    if (!runtime.empty() && !runtime.contains(member)) continue;
    Tcl_Obj* const words[] = {from_utf8(package.name), from_utf8(package.version), from_utf8(package.directory),
                              from_utf8(package.module)};
    Tcl_ListObjAppendElement(nullptr, rows.get(), Tcl_NewListObj(4, words));
  }
  return rows;
}

Obj info_of_own(const std::string& path) {
  // Opening it ends what a writer that was killed has left half done, and reading waits for one that is at work.
  const auto archive = Archive::open_file(path);
  const Archive::Snapshot snapshot(*archive);
  archive->find("main.tcl");
  const Fd fd = open_regular(path);
  const Location location = locate_archive(fd, path);
  std::string head(64, '\0');
  head.resize(read_at(fd, head.data(), head.size(), 0, path));
  const char* format = "plain";
  if (is_elf(head)) {
    format = archive->find("main.tcl") ? "starpack" : "runtime";
  } else if (location.has_mark) {
    format = "kit";
  }
  const auto pragma = [&](const char* sql) {
    const auto turn = archive->lock();
    const Statement statement = prepare(archive->database(), sql, path);
    if (sqlite3_step(statement.get()) != SQLITE_ROW) throw sqlite_error(archive->database(), sqlite3_errcode(archive->database()), path);
    return sqlite3_column_int64(statement.get(), 0);
  };
  Obj dict(Tcl_NewDictObj());
  put(dict, "format", new_string(format));
  if (is_elf(head)) put(dict, "machine", new_string(machine_of(head)));
  put(dict, "prefix", Tcl_NewWideIntObj(static_cast<std::int64_t>(location.offset)));
  put(dict, "size", Tcl_NewWideIntObj(stat_fd(fd, path).st_size));
  put(dict, "pagesize", Tcl_NewWideIntObj(pragma("PRAGMA page_size")));
  put(dict, "version", Tcl_NewWideIntObj(pragma("PRAGMA user_version")));
  put(dict, "counter", Tcl_NewWideIntObj(archive->change_counter()));
  put(dict, "indexed", Tcl_NewBooleanObj(read_fact(*archive, kFactPackages, 0).has_value()));
  put(dict, "valid", Tcl_NewBooleanObj(archive->recorded(kFactPackages).has_value()));
  return dict;
}

Obj info_of_foreign(const std::shared_ptr<const ForeignFile>& file, ForeignFormat format) {
  Obj dict(Tcl_NewDictObj());
  put(dict, "format", new_string(format == ForeignFormat::kMetakit ? "metakit" : "zip"));
  put(dict, "prefix", Tcl_NewWideIntObj(foreign_start(*file, format)));
  put(dict, "size", Tcl_NewWideIntObj(file->size_bytes()));
  return dict;
}

Obj info(Tcl_Interp* interp, Arguments arguments) {
  const std::string path = host_path(interp, arguments[0]);
  return of_any(path, [&] { return info_of_own(path); }, info_of_foreign);
}

Obj publish(Tcl_Interp* interp, Arguments arguments) {
  OutputFile output(host_path(interp, arguments[1]), host_path(interp, arguments[0]));
  output.commit(static_cast<mode_t>(wide_of(interp, arguments[2])) & 07777);
  return Obj(Tcl_NewObj());
}

constexpr std::size_t kMany = 64;
constexpr CommandRow kCommands[] = {
    {"add", "file entries ?-option value ...?", 2, 10, add_archive_members},
    {"check", "file ?-option value ...?", 1, 5, check_archive_file},
    {"create", "output entries ?-option value ...?", 2, kMany, create},
    {"delete", "file names ?-option value ...?", 2, 8, delete_archive_members},
    {"list", "file ?-runtime boolean?", 1, 3, list},
    {"extract", "file directory ?-option value ...?", 2, kMany, extract},
    {"index", "file counter packages", 3, 3, index_archive},
    {"info", "file", 1, 1, info},
    {"lines", "file title ?-option value ...?", 2, 14, archive_lines},
    {"packages", "file", 1, 1, packages},
    {"publish", "temporary output mode", 3, 3, publish},
    {"vacuum", "file ?-option value ...?", 1, 9, vacuum_archive_file},
};

}  // namespace

void create_archive_commands(Tcl_Interp* interp) { create_ensemble(interp, "::starlit::archive", kCommands); }

}  // namespace starlit
