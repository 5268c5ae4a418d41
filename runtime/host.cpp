// SPDX-License-Identifier: MIT
//
// What Tcl asks of the C library and of itself, answered for a static program that may have nothing around it.
//
// The linker's --wrap=NAME sends every call of NAME from another object to __wrap_NAME here; __real_NAME is the original
// (ld(1)). Tcl's own functions named here are internal, so their signatures are those of Debian's Tcl 8.6 (tclInt.h,
// tclUnixPort.h); the build names them in one list in CMakeLists.txt.
//
//   TclpCreateTempFile       exec's buffer for stderr and for `<<`: a memfd, so that nothing is written anywhere and a
//                            root without /tmp does
//   TclpSetInitialEncodings  the system encoding: that of the locale the environment names, when it can be loaded and is
//                            not C or POSIX; else UTF-8. Without a locale glibc names ASCII, which Tcl takes for Latin-1.
//   TclpObjNormalizePath     paths at or below a mount point: no look at the host (a system call for each part) for what
//                            cannot be there
//   getaddrinfo              "localhost" where there is no /etc/hosts to look it up in (RFC 6761, section 6.3)
//   dlopen, dlerror          not usable in a static program: a clear message

#include <langinfo.h>
#include <netdb.h>
#include <strings.h>
#include <sys/mman.h>
#include <tcl.h>
#include <unistd.h>

#include <clocale>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/file.h"
#include "driver/driver.h"
#include "host.h"

namespace {

// A TclFile is a descriptor plus one, as a pointer (tclUnixPipe.c, MakeFile).
using TclFile = struct TclFile_*;
TclFile make_tcl_file(int fd) noexcept { return reinterpret_cast<TclFile>(static_cast<std::intptr_t>(fd) + 1); }

bool is_plain_locale(const char* name) noexcept {
  return name == nullptr || std::strcmp(name, "C") == 0 || std::strcmp(name, "POSIX") == 0;
}

}  // namespace

extern "C" {

TclFile __real_TclpCreateTempFile(const char* contents) noexcept;
int __real_TclpObjNormalizePath(Tcl_Interp* interp, Tcl_Obj* path, int checked) noexcept;
int __real_getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) noexcept;

TclFile __wrap_TclpCreateTempFile(const char* contents) noexcept {
  starlit::Fd fd(::memfd_create("tcl-exec", MFD_CLOEXEC));
  if (!fd) return __real_TclpCreateTempFile(contents);
  if (contents != nullptr) {
    try {
      starlit::write_all(fd, starlit::to_host(contents), "memfd");
    } catch (const std::exception&) {
      return nullptr;
    }
    ::lseek(fd.get(), 0, SEEK_SET);
  }
  return make_tcl_file(fd.release());
}

// Tables of other encodings lie in the archive, which is not mounted yet: boot.cpp sets the final one.
void __wrap_TclpSetInitialEncodings() noexcept { Tcl_SetSystemEncoding(nullptr, "utf-8"); }

int __wrap_TclpObjNormalizePath(Tcl_Interp* interp, Tcl_Obj* path, int checked) noexcept {
  if (const auto prefix = starlit::mounted_prefix(starlit::string_of(path))) return static_cast<int>(*prefix);
  return __real_TclpObjNormalizePath(interp, path, checked);
}

int __wrap_getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) noexcept {
  // A null node means the loopback addresses, unless the caller asks for wildcard ones (getaddrinfo(3)).
  if (node != nullptr && ::strcasecmp(node, "localhost") == 0 && ::access("/etc/hosts", R_OK) != 0) {
    addrinfo loopback = hints != nullptr ? *hints : addrinfo{};
    loopback.ai_flags &= ~(AI_PASSIVE | AI_CANONNAME | AI_ADDRCONFIG);
    return __real_getaddrinfo(nullptr, service == nullptr ? "0" : service, &loopback, result);
  }
  return __real_getaddrinfo(node, service, hints, result);
}

void* __wrap_dlopen(const char*, int) noexcept { return nullptr; }

char* __wrap_dlerror() noexcept {
  static char message[] =
      "this program is statically linked and cannot load shared libraries (hint: use a package written in Tcl, or one "
      "that is linked in)";
  return message;
}

}  // extern "C"

// libstdc++'s own prints the name of the exception that nobody caught, and brings 50 KB of demangler for it
// (libsupc++/vterminate.cc). All of ours are caught in main().
namespace __gnu_cxx {
void __verbose_terminate_handler() { std::abort(); }
}  // namespace __gnu_cxx

namespace starlit {

std::string locale_encoding() {
  if (is_plain_locale(std::setlocale(LC_CTYPE, nullptr)) || ::strcasecmp(::nl_langinfo(CODESET), "UTF-8") == 0) {
    return "utf-8";
  }
  Tcl_DString name;
  const std::string encoding = Tcl_GetEncodingNameFromEnvironment(&name);
  Tcl_DStringFree(&name);
  return encoding;
}

}  // namespace starlit
