// SPDX-License-Identifier: MIT

#include "handler_glob.h"

#include <unistd.h>

#include "archive/name.h"
#include "handler_filesystem.h"

namespace starlit {
namespace {

bool wants_hidden(const Tcl_GlobTypeData* types) {
  return types != nullptr && (types->perm & TCL_GLOB_PERM_HIDDEN) != 0;
}

bool has_permissions(Tcl_Obj* path, const Tcl_GlobTypeData* types) {
  if (types == nullptr) return true;
  const Obj kept(path);
  const auto may = [&](int mode) { return Tcl_FSAccess(path, mode) == 0; };
  if ((types->perm & TCL_GLOB_PERM_R) != 0 && !may(R_OK)) return false;
  if ((types->perm & TCL_GLOB_PERM_W) != 0 && !may(W_OK)) return false;
  if ((types->perm & TCL_GLOB_PERM_X) != 0 && !may(X_OK)) return false;
  return (types->perm & TCL_GLOB_PERM_RONLY) == 0 || !may(W_OK);
}

// The last part of a path, without slashes behind it.
std::string_view tail_of(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return last_part(path);
}

struct Question {
  Tcl_Interp* interp;
  Tcl_Obj* path;
  std::string_view pattern;
  const Tcl_GlobTypeData* types;
};

// What the handler answers, as far as it is a list.
std::optional<std::vector<std::string>> ask(const Question& question) {
  const HandlerPlace place = place_of_handler(question.path);
  const int types = question.types == nullptr ? 0 : question.types->type;
  const auto answer = call_handler(place, question.path, "matchindirectory", PlainErrors::kToCaller,
                                   {Obj(new_string(question.pattern)), Obj(Tcl_NewIntObj(types))});
  if (!answer.is_ok) {
    if (answer.posix == ENOENT || answer.posix == ENOTDIR) return std::vector<std::string>();
    hand_on(question.interp, answer, "couldn't read directory", question.path);
    return std::nullopt;
  }
  Tcl_Size count = 0;
  Tcl_Obj** words = nullptr;
  if (Tcl_ListObjGetElements(nullptr, answer.result.get(), &count, &words) != TCL_OK) {
    const Obj message = refuse_answer(place, "matchindirectory", "no list");
    Tcl_SetErrno(EIO);
    if (question.interp != nullptr) Tcl_SetObjResult(question.interp, message.get());
    return std::nullopt;
  }
  std::vector<std::string> paths;
  for (Tcl_Size i = 0; i < count; ++i) paths.emplace_back(string_of(words[i]));
  return paths;
}

int match_itself(const Question& question, Tcl_Obj* result) {
  const auto answer = ask(question);
  if (!answer) return TCL_ERROR;
  const bool is_hidden = tail_of(string_of(question.path)).starts_with('.');
  if (answer->empty() || (wants_hidden(question.types) && !is_hidden)) return TCL_OK;
  if (has_permissions(question.path, question.types)) Tcl_ListObjAppendElement(nullptr, result, question.path);
  return TCL_OK;
}

int match_children(const Question& question, Tcl_Obj* result) {
  const auto answer = ask(question);
  if (!answer) return TCL_ERROR;
  std::string spelled(string_of(question.path));
  if (!spelled.empty() && !spelled.ends_with('/')) spelled += '/';
  const std::string_view pattern = question.pattern;
  const bool hidden = pattern.starts_with('.') || pattern.starts_with("\\.") || wants_hidden(question.types);
  const bool any = thread_handler_mounts != nullptr && thread_handler_mounts->depth > 0;
  for (const std::string& path : *answer) {
    const std::string_view tail = tail_of(path);
    if (tail.empty() || (!any && tail.starts_with('.') != hidden)) continue;
    const Obj child(new_string(spelled + std::string(tail)));
    if (has_permissions(child.get(), question.types)) Tcl_ListObjAppendElement(nullptr, result, child.get());
  }
  return TCL_OK;
}

// The mount points that lie in a directory of any file system.
void match_mounts(Tcl_Obj* result, Tcl_Obj* path, const char* pattern) {
  if (thread_handler_mounts == nullptr) return;
  const std::string_view directory = normalized(nullptr, path);
  for (const auto& mount : thread_handler_mounts->all()) {
    const auto tail = path_below_point(mount->point, directory);
    if (!tail || tail->empty() || tail->find('/') != std::string_view::npos) continue;
    if (Tcl_StringCaseMatch(std::string(*tail).c_str(), pattern, 0)) {
      Tcl_ListObjAppendElement(nullptr, result, new_string(mount->point));
    }
  }
}

}  // namespace

int match_by_handler(Tcl_Interp* interp, Tcl_Obj* result, Tcl_Obj* path, const char* pattern,
                     Tcl_GlobTypeData* types) noexcept {
  try {
    if (types != nullptr && (types->type & TCL_GLOB_TYPE_MOUNT) != 0) {
      match_mounts(result, path, pattern);
      return TCL_OK;
    }
    // Copies, and a path of our own: what the handler does may end what Tcl has here.
    const Obj kept(path);
    const std::string wanted(pattern == nullptr ? "" : pattern);
    const Question question{interp, path, wanted, types};
    return wanted.empty() ? match_itself(question, result) : match_children(question, result);
  } catch (const Error& error) {
    return set_error(interp, error);
  } catch (const std::exception&) {
    return TCL_ERROR;
  }
}

}  // namespace starlit
