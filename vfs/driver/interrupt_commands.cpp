// SPDX-License-Identifier: MIT
//
// Signals that ask a program to end, as errors in its script: what is half done is then undone as after any other error.
//
//     starlit::interrupts trap
//         From now on the first SIGINT, SIGTERM or SIGHUP raises an error in what this interpreter evaluates, in the
//         main script, not in an event handler: {STARLIT INTERRUPTED NUMBER}, "interrupted by SIGINT". A signal that is
//         ignored stays so. The next one ends the process, as does the first while nothing is evaluated.
//     starlit::interrupts check
//         Raises that error again once it was raised: for what must not go on even where it was caught.
//     starlit::interrupts end
//         Ends the process by the signal that came, so that a shell sees it; does nothing when none came.

#include <signal.h>

#include <string>

#include "command_table.h"
#include "driver/commands.h"

namespace starlit {
namespace {

// What a signal handler may touch.
volatile sig_atomic_t received = 0;
Tcl_AsyncHandler handler = nullptr;

struct Signal {
  int number;
  const char* name;
};
constexpr Signal kSignals[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}};

// SA_RESETHAND: the next one of this kind has its default effect.
void on_signal(int number) {
  received = number;
  Tcl_AsyncMark(handler);
}

void set_result(Tcl_Interp* interp) {
  const char* name = "";
  for (const Signal& signal : kSignals) {
    if (signal.number == received) name = signal.name;
  }
  Tcl_SetObjResult(interp, new_string(std::string("interrupted by ") + name));
  Tcl_SetErrorCode(interp, "STARLIT", "INTERRUPTED", std::to_string(received).c_str(), nullptr);
}

void end_by(int number) {
  static_cast<void>(::signal(number, SIG_DFL));
  static_cast<void>(::raise(number));
}

// Tcl calls this at the next command. There is no interpreter where it waits for events.
int interrupt(ClientData, Tcl_Interp* interp, int) noexcept {
  if (interp == nullptr) {
    end_by(received);
    return TCL_OK;
  }
  set_result(interp);
  return TCL_ERROR;
}

Obj trap(Tcl_Interp*, Arguments) {
  if (handler != nullptr) return Obj();
  handler = Tcl_AsyncCreate(interrupt, nullptr);
  for (const Signal& signal : kSignals) {
    struct sigaction action {};
    if (::sigaction(signal.number, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigemptyset(&action.sa_mask);
    static_cast<void>(::sigaction(signal.number, &action, nullptr));
  }
  return Obj();
}

Obj check(Tcl_Interp* interp, Arguments) {
  if (received == 0) return Obj();
  set_result(interp);
  throw TclError{};
}

Obj end(Tcl_Interp*, Arguments) {
  if (received != 0) end_by(received);
  return Obj();
}

constexpr CommandRow kCommands[] = {
    {"trap", "", 0, 0, trap},
    {"check", "", 0, 0, check},
    {"end", "", 0, 0, end},
};

}  // namespace

void create_interrupt_command(Tcl_Interp* interp) { create_ensemble(interp, "::starlit::interrupts", kCommands); }

}  // namespace starlit
