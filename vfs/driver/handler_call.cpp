// SPDX-License-Identifier: MIT

#include "handler_call.h"

#include <cstring>

#include "handler_filesystem.h"

namespace starlit {
namespace {

// Each call of a handler within a handler takes a few KB of the C stack, which no limit of Tcl's counts.
constexpr int kMostDepth = 100;

// What Tcl_EvalObjEx() makes of posixerror's code where no other command of the interpreter is on.
constexpr std::string_view kBadCode = "command returned bad code: -1";

// What an interpreter has for its handlers.
struct Handlers {
  Obj internal_error;
};

constexpr const char* kHandlers = "starlit::handlers";

void end_interpreter(ClientData data, Tcl_Interp* interp) noexcept {
  delete static_cast<Handlers*>(data);
  if (thread_handler_mounts == nullptr) return;
  thread_handler_mounts->forget(interp);
  Tcl_FSMountsChanged(&kHandlerFilesystem);
}

Handlers* handlers_of(Tcl_Interp* interp) noexcept {
  return static_cast<Handlers*>(Tcl_GetAssocData(interp, kHandlers, nullptr));
}

Handlers& make_handlers_of(Tcl_Interp* interp) {
  if (Handlers* known = handlers_of(interp)) return *known;
  auto* handlers = new Handlers;
  Tcl_SetAssocData(interp, kHandlers, end_interpreter, handlers);
  return *handlers;
}

// Keeps an interpreter's memory, and its result and errors.
class Kept {
 public:
  explicit Kept(Tcl_Interp* interp) noexcept : interp_(interp) {
    Tcl_Preserve(interp_);
    state_ = Tcl_SaveInterpState(interp_, TCL_OK);
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() {
    Tcl_RestoreInterpState(interp_, state_);
    Tcl_Release(interp_);
  }

 private:
  Tcl_Interp* interp_;
  Tcl_InterpState state_;
};

// Whose posixerror counts, and how deep it is.
class Level {
 public:
  explicit Level(HandlerMounts& table) noexcept : table_(table), posix_(std::exchange(table.posix, 0)) {
    ++table_.depth;
  }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() {
    --table_.depth;
    table_.posix = posix_;
  }

 private:
  HandlerMounts& table_;
  const int posix_;
};

// A whole value that is an errno, or 0.
int errno_in(Tcl_Obj* value) noexcept {
  int number = 0;
  return Tcl_GetIntFromObj(nullptr, value, &number) == TCL_OK && number > 0 && number < 4096 ? number : 0;
}

Obj error_code_of(Tcl_Interp* interp, int code) {
  const Obj options(Tcl_GetReturnOptions(interp, code));
  const Obj key(new_string("-errorcode"));
  Tcl_Obj* value = nullptr;
  Tcl_DictObjGet(nullptr, options.get(), key.get(), &value);
  return Obj(value);
}

int errno_in_code(Tcl_Obj* error_code) {
  Tcl_Size count = 0;
  Tcl_Obj** words = nullptr;
  if (error_code == nullptr || Tcl_ListObjGetElements(nullptr, error_code, &count, &words) != TCL_OK) return 0;
  return count > 1 && string_of(words[0]) == "POSIX" ? errno_of_name(string_of(words[1])) : 0;
}

// errorInfo holds what has happened. What the script does comes to nothing. It may use the failing mount in turn.
void tell_internal_error(Tcl_Interp* interp) {
  const Obj script = internal_error_script(interp);
  HandlerMounts& table = HandlerMounts::of_thread();
  if (!script || Tcl_InterpDeleted(interp) || table.depth >= kMostDepth) return;
  const Level level(table);
  const int code = Tcl_EvalObjEx(interp, script.get(), TCL_EVAL_GLOBAL);
  if (code == TCL_ERROR) Tcl_BackgroundException(interp, code);
}

HandlerAnswer evaluate(Tcl_Interp* interp, Tcl_Obj* script, PlainErrors errors) {
  HandlerAnswer answer;
  if (interp == nullptr || Tcl_InterpDeleted(interp)) {
    answer.posix = ENOENT;
    return answer;
  }
  HandlerMounts& table = HandlerMounts::of_thread();
  if (table.depth >= kMostDepth) {
    answer.posix = ELOOP;
    return answer;
  }
  const Kept kept(interp);
  const Level level(table);
  const int code = Tcl_EvalObjEx(interp, script, TCL_EVAL_GLOBAL);
  answer.result = Obj(Tcl_GetObjResult(interp));
  answer.is_ok = code == TCL_OK;
  if (answer.is_ok) return answer;
  answer.posix = code == -1 || code == TCL_ERROR ? errno_in(answer.result.get()) : 0;
  const bool has_named = code == -1 || (code == TCL_ERROR && string_of(answer.result.get()) == kBadCode);
  if (has_named && answer.posix == 0) answer.posix = table.posix > 0 ? table.posix : EIO;
  if (answer.posix != 0) return answer;
  if (code == TCL_ERROR) {
    answer.error_code = error_code_of(interp, code);
    answer.posix = errno_in_code(answer.error_code.get());
  } else {
    answer.result = Obj(Tcl_ObjPrintf("the handler returned code %d", code));
    Tcl_SetVar2Ex(interp, "errorInfo", nullptr, answer.result.get(), TCL_GLOBAL_ONLY);
  }
  if (answer.posix == 0 && errors == PlainErrors::kInternal) tell_internal_error(interp);
  return answer;
}

}  // namespace

HandlerAnswer call_handler(const HandlerPlace& place, Tcl_Obj* path, const char* subcommand, PlainErrors errors,
                           std::initializer_list<Obj> arguments) {
  const Obj words(Tcl_DuplicateObj(place.mount->command.get()));
  const auto add = [&](Tcl_Obj* word) { Tcl_ListObjAppendElement(nullptr, words.get(), word); };
  add(new_string(subcommand));
  add(new_string(place.mount->point));
  add(new_string(place.relative));
  // A copy: what the handler makes of its argument is not done to the path that Tcl works on.
  add(new_string(string_of(path)));
  for (const Obj& argument : arguments) add(argument.get());
  return evaluate(place.mount->interp, words.get(), errors);
}

HandlerAnswer run_in_handler(Tcl_Interp* interp, Tcl_Obj* script, PlainErrors errors) {
  return evaluate(interp, script, errors);
}

Obj refuse_answer(const HandlerPlace& place, const char* subcommand, const char* what) {
  const Obj message(Tcl_ObjPrintf("the handler of \"%s\" answered \"%s\" with %s", place.mount->point.c_str(),
                                  subcommand, what));
  Tcl_Interp* interp = place.mount->interp;
  if (interp != nullptr && !Tcl_InterpDeleted(interp)) {
    const Kept kept(interp);
    Tcl_SetVar2Ex(interp, "errorInfo", nullptr, message.get(), TCL_GLOBAL_ONLY);
    tell_internal_error(interp);
  }
  return message;
}

int errno_of_name(std::string_view name) noexcept {
  const int before = Tcl_GetErrno();
  int found = 0;
  for (int number = 1; number < 134 && found == 0; ++number) {
    Tcl_SetErrno(number);
    if (name == Tcl_ErrnoId()) found = number;
  }
  Tcl_SetErrno(before);
  return found;
}

Obj internal_error_script(Tcl_Interp* interp) {
  const Handlers* handlers = handlers_of(interp);
  return handlers == nullptr ? Obj() : handlers->internal_error;
}

void set_internal_error_script(Tcl_Interp* interp, Tcl_Obj* script) {
  make_handlers_of(interp).internal_error = string_of(script).empty() ? Obj() : Obj(script);
}

void end_mounts_with(Tcl_Interp* interp) { make_handlers_of(interp); }

}  // namespace starlit
