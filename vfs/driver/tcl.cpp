// SPDX-License-Identifier: MIT

#include "driver/tcl.h"

#include <algorithm>

namespace starlit {
namespace {

// Less NUL, which Tcl writes as two bytes.
bool is_ascii(std::string_view bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](unsigned char c) { return c > 0 && c < 0x80; });
}

class Buffer {
 public:
  Buffer() noexcept { Tcl_DStringInit(&string_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { Tcl_DStringFree(&string_); }

  Tcl_DString* get() noexcept { return &string_; }
  std::string_view view() const noexcept {
    return {Tcl_DStringValue(&string_), static_cast<std::size_t>(Tcl_DStringLength(&string_))};
  }

 private:
  Tcl_DString string_;
};

// UTF-8 as an encoding of Tcl's; the system encoding is the null pointer. It is never freed: Tcl keeps it anyway.
Tcl_Encoding utf8() noexcept {
  thread_local const Tcl_Encoding encoding = Tcl_GetEncoding(nullptr, "utf-8");
  return encoding;
}

std::string to_external(Tcl_Encoding encoding, std::string_view bytes) {
  if (is_ascii(bytes)) return std::string(bytes);
  Buffer buffer;
  Tcl_UtfToExternalDString(encoding, bytes.data(), static_cast<Tcl_Size>(bytes.size()), buffer.get());
  return std::string(buffer.view());
}

std::string from_external(Tcl_Encoding encoding, std::string_view bytes) {
  if (is_ascii(bytes)) return std::string(bytes);
  Buffer buffer;
  Tcl_ExternalToUtfDString(encoding, bytes.data(), static_cast<Tcl_Size>(bytes.size()), buffer.get());
  return std::string(buffer.view());
}

}  // namespace

std::string_view string_of(Tcl_Obj* obj) noexcept {
  Tcl_Size size = 0;
  const char* bytes = Tcl_GetStringFromObj(obj, &size);
  return {bytes, static_cast<std::size_t>(size)};
}

std::string_view bytes_of(Tcl_Obj* obj) noexcept {
  Tcl_Size size = 0;
  const unsigned char* bytes = Tcl_GetByteArrayFromObj(obj, &size);
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

Tcl_Obj* new_string(std::string_view bytes) {
  return Tcl_NewStringObj(bytes.data(), static_cast<Tcl_Size>(bytes.size()));
}

std::string to_utf8(std::string_view bytes) { return to_external(utf8(), bytes); }
std::string utf8_to_tcl(std::string_view bytes) { return from_external(utf8(), bytes); }
Tcl_Obj* from_utf8(std::string_view bytes) { return new_string(utf8_to_tcl(bytes)); }
std::string to_host(std::string_view bytes) { return to_external(nullptr, bytes); }
Tcl_Obj* from_host(std::string_view path) { return new_string(from_external(nullptr, path)); }

std::string_view normalized(Tcl_Interp* interp, Tcl_Obj* path) {
  Tcl_Obj* result = Tcl_FSGetNormalizedPath(interp, path);
  if (result == nullptr) throw Error(ENOENT, "", quoted("couldn't use path", string_of(path)));
  return string_of(result);
}

int set_error(Tcl_Interp* interp, const Error& error) noexcept {
  if (interp == nullptr) return TCL_ERROR;
  if (error.code().empty()) {
    Tcl_SetErrno(error.posix());
    Tcl_PosixError(interp);  // sets errorCode
  } else {
    Tcl_Obj* code = Tcl_NewListObj(0, nullptr);
    Tcl_ListObjAppendElement(nullptr, code, new_string("STARLIT"));
    std::string_view words = error.code();
    while (!words.empty()) {
      const auto space = words.find(' ');
      Tcl_ListObjAppendElement(nullptr, code, new_string(words.substr(0, space)));
      words.remove_prefix(space == std::string_view::npos ? words.size() : space + 1);
    }
    Tcl_SetObjErrorCode(interp, code);
  }
  Tcl_SetObjResult(interp, from_host(error.text()));
  return TCL_ERROR;
}

}  // namespace starlit
