// SPDX-License-Identifier: MIT

#include "command_table.h"

#include <cstring>

namespace starlit {
namespace {

struct Ensemble {
  const char* name;
  std::span<const CommandRow> rows;
};

int run_row(Tcl_Interp* interp, const CommandRow& row, Arguments prefix, Arguments arguments) noexcept {
  if (arguments.size() < row.least || arguments.size() > row.most) {
    Tcl_WrongNumArgs(interp, static_cast<Tcl_Size>(prefix.size()), prefix.data(), row.arguments);
    return TCL_ERROR;
  }
  try {
    const Obj result = row.run(interp, arguments);
    if (result) {
      Tcl_SetObjResult(interp, result.get());
    } else {
      Tcl_ResetResult(interp);
    }
    return TCL_OK;
  } catch (const TclError& held) {
    return held.code;
  } catch (const Error& error) {
    return set_error(interp, error);
  } catch (const std::exception& error) {
    return set_error(interp, Error(ENOMEM, "", error.what()));
  }
}

int run_command(ClientData data, Tcl_Interp* interp, Tcl_Size count, Tcl_Obj* const words[]) noexcept {
  const Arguments all(words, static_cast<std::size_t>(count));
  return run_row(interp, *static_cast<const CommandRow*>(data), all.first(1), all.subspan(1));
}

int run_ensemble(ClientData data, Tcl_Interp* interp, Tcl_Size count, Tcl_Obj* const words[]) noexcept {
  const auto& ensemble = *static_cast<const Ensemble*>(data);
  const Arguments all(words, static_cast<std::size_t>(count));
  if (all.size() < 2) {
    Tcl_WrongNumArgs(interp, 1, words, "subcommand ?arg ...?");
    return TCL_ERROR;
  }
  const std::string_view name = string_of(all[1]);
  std::string known;
  for (const CommandRow& row : ensemble.rows) {
    if (name == row.name) return run_row(interp, row, all.first(2), all.subspan(2));
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return set_error(interp, Error(EINVAL, "SUBCOMMAND", quoted("unknown subcommand", name) + ": must be one of " + known));
}

}  // namespace

void create_commands(Tcl_Interp* interp, std::span<const CommandRow> rows) {
  for (const CommandRow& row : rows) {
    Tcl_CreateObjCommand(interp, row.name, run_command, const_cast<CommandRow*>(&row), nullptr);
  }
}

void create_ensemble(Tcl_Interp* interp, const char* name, std::span<const CommandRow> rows) {
  Tcl_CreateObjCommand(interp, name, run_ensemble, new Ensemble{name, rows},
                       [](ClientData data) { delete static_cast<Ensemble*>(data); });
}

bool boolean_of(Tcl_Interp* interp, Tcl_Obj* obj) {
  int value = 0;
  if (Tcl_GetBooleanFromObj(interp, obj, &value) != TCL_OK) throw TclError{};
  return value != 0;
}

std::int64_t wide_of(Tcl_Interp* interp, Tcl_Obj* obj) {
  Tcl_WideInt value = 0;
  if (Tcl_GetWideIntFromObj(interp, obj, &value) != TCL_OK) throw TclError{};
  return value;
}

Arguments list_of(Tcl_Interp* interp, Tcl_Obj* obj) {
  Tcl_Size count = 0;
  Tcl_Obj** elements = nullptr;
  if (Tcl_ListObjGetElements(interp, obj, &count, &elements) != TCL_OK) throw TclError{};
  return {elements, static_cast<std::size_t>(count)};
}

}  // namespace starlit
