// SPDX-License-Identifier: MIT
//
// Tcl's handles and strings for the layers that know Tcl.
//
// Tcl 8.6 keeps strings in a UTF-8 of its own (NUL as two bytes, characters beyond 16 bit as two surrogates). Names of
// members are plain UTF-8; paths of the host are in the system encoding. Every crossing goes through here.

#pragma once

#include <tcl.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace starlit {

#if TCL_MAJOR_VERSION < 9
using Tcl_Size = int;
#endif

// A counted reference to a Tcl value.
class Obj {
 public:
  Obj() noexcept = default;
  explicit Obj(Tcl_Obj* obj) noexcept : obj_(obj) {
    if (obj_ != nullptr) Tcl_IncrRefCount(obj_);
  }
  Obj(const Obj& other) noexcept : Obj(other.obj_) {}
  Obj(Obj&& other) noexcept : obj_(std::exchange(other.obj_, nullptr)) {}
  Obj& operator=(Obj other) noexcept {
    std::swap(obj_, other.obj_);
    return *this;
  }
  ~Obj() {
    if (obj_ != nullptr) Tcl_DecrRefCount(obj_);
  }

  Tcl_Obj* get() const noexcept { return obj_; }
  explicit operator bool() const noexcept { return obj_ != nullptr; }

 private:
  Tcl_Obj* obj_ = nullptr;
};

// Tcl's own bytes of a value.
std::string_view string_of(Tcl_Obj* obj) noexcept;

// The bytes of a byte array value.
std::string_view bytes_of(Tcl_Obj* obj) noexcept;

Tcl_Obj* new_string(std::string_view tcl_bytes);

// Between Tcl's bytes and a member's name (UTF-8).
std::string to_utf8(std::string_view tcl_bytes);
std::string utf8_to_tcl(std::string_view utf8);
Tcl_Obj* from_utf8(std::string_view utf8);

// Between Tcl's bytes and the host's paths (system encoding).
std::string to_host(std::string_view tcl_bytes);
Tcl_Obj* from_host(std::string_view path);

// The absolute, normalised form of a path value; throws Error where there is none.
std::string_view normalized(Tcl_Interp* interp, Tcl_Obj* path);

// Puts an error into the interpreter: its text as the result; as errorCode {STARLIT <code>} or {POSIX ...}. Returns
// TCL_ERROR.
int set_error(Tcl_Interp* interp, const Error& error) noexcept;

// Runs the body of a command; what it throws becomes the interpreter's error.
template <typename Body>
int command(Tcl_Interp* interp, Body&& body) noexcept {
  try {
    body();
    return TCL_OK;
  } catch (const Error& error) {
    return set_error(interp, error);
  } catch (const std::exception& error) {
    return set_error(interp, Error(ENOMEM, "", error.what()));
  }
}

}  // namespace starlit
