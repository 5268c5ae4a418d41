// SPDX-License-Identifier: MIT
//
// What package vfs (runtime/library/vfs) makes its `vfs::filesystem` of:
//
//     starlit::handlers mount ?-volume? PATH COMMAND
//     starlit::handlers unmount PATH                -> whether there was a mount of this interpreter's
//     starlit::handlers info ?PATH?                 -> all mount points, the last first; or {COMMAND}, or {} for none
//     starlit::handlers posixerror NUMBER           returns code -1, which call_handler() knows
//     starlit::handlers internalerror ?SCRIPT?
//     starlit::handlers errnos                      -> {NAME NUMBER ...}

#include "command_table.h"
#include "driver/commands.h"
#include "driver/driver.h"
#include "handler_filesystem.h"

namespace starlit {
namespace {

constexpr int kPosixError = -1;  // as in tclvfs: scripts see it as the code that `catch` returns

Obj mount(Tcl_Interp* interp, Arguments arguments) {
  const bool is_volume = arguments.size() == 3;
  if (is_volume && string_of(arguments[0]) != "-volume") {
    throw Error(EINVAL, "OPTION", quoted("unknown option", string_of(arguments[0])) + ": must be -volume");
  }
  Tcl_Obj* path = arguments[arguments.size() - 2];
  const Arguments words = list_of(interp, arguments.back());
  const std::string point(is_volume ? string_of(path) : normalized(interp, path));
  if (point.empty()) throw Error(EINVAL, "PATH", "couldn't mount at \"\": it is no path");
  if (words.empty()) throw Error(EINVAL, "COMMAND", quoted("couldn't mount at", point) + ": the command is empty");
  register_handler_filesystem();
  end_mounts_with(interp);
  const Obj command(Tcl_NewListObj(static_cast<Tcl_Size>(words.size()), words.data()));
  HandlerMounts::of_thread().add({point, is_volume, command, interp});
  Tcl_FSMountsChanged(&kHandlerFilesystem);
  return Obj();
}

Obj unmount(Tcl_Interp* interp, Arguments arguments) {
  HandlerMounts* table = thread_handler_mounts;
  const bool is_found = table != nullptr && (table->remove(string_of(arguments[0]), interp) ||
                                             table->remove(normalized(interp, arguments[0]), interp));
  if (is_found) Tcl_FSMountsChanged(&kHandlerFilesystem);
  return Obj(Tcl_NewBooleanObj(is_found));
}

Obj info(Tcl_Interp* interp, Arguments arguments) {
  Obj list(Tcl_NewListObj(0, nullptr));
  const HandlerMounts* table = thread_handler_mounts;
  if (table == nullptr) return list;
  if (arguments.empty()) {
    for (const auto& mount : table->all()) Tcl_ListObjAppendElement(nullptr, list.get(), new_string(mount->point));
    return list;
  }
  const HandlerMount* mount = table->at(string_of(arguments[0]));
  if (mount == nullptr) mount = table->at(normalized(interp, arguments[0]));
  if (mount != nullptr) Tcl_ListObjAppendElement(nullptr, list.get(), mount->command.get());
  return list;
}

Obj posix_error(Tcl_Interp* interp, Arguments arguments) {
  int number = 0;
  if (Tcl_GetIntFromObj(interp, arguments[0], &number) != TCL_OK) throw TclError{};
  HandlerMounts::of_thread().posix = number;
  // As the result, too: it may pass a `catch`, and calls of other handlers, on its way.
  Tcl_SetObjResult(interp, Tcl_NewIntObj(number));
  throw TclError{kPosixError};
}

Obj internal_error(Tcl_Interp* interp, Arguments arguments) {
  if (arguments.empty()) return internal_error_script(interp);
  set_internal_error_script(interp, arguments[0]);
  return Obj();
}

Obj errnos(Tcl_Interp*, Arguments) {
  Obj dict(Tcl_NewDictObj());
  for (int number = 1; number < 134; ++number) {
    Tcl_SetErrno(number);
    const std::string_view name = Tcl_ErrnoId();
    if (name.starts_with('E')) Tcl_DictObjPut(nullptr, dict.get(), new_string(name), Tcl_NewIntObj(number));
  }
  return dict;
}

constexpr CommandRow kCommands[] = {
    {"mount", "?-volume? path command", 2, 3, mount},
    {"unmount", "path", 1, 1, unmount},
    {"info", "?path?", 0, 1, info},
    {"posixerror", "int", 1, 1, posix_error},
    {"internalerror", "?script?", 0, 1, internal_error},
    {"errnos", "", 0, 0, errnos},
};

}  // namespace

void create_handler_command(Tcl_Interp* interp) { create_ensemble(interp, "::starlit::handlers", kCommands); }

}  // namespace starlit
