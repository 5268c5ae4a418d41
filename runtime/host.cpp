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
//   TclpSetInitialEncodings  the system encoding: UTF-8, unless the environment names a locale that can be loaded and has
//                            another one. Without a locale glibc names ASCII, which Tcl takes for Latin-1.
//   setlocale                LC_CTYPE from the environment: not loaded where it names C, POSIX or UTF-8, as all that would
//                            come of it is known; saves reading two to four files and 150 KB of memory
//   TclCrossFilesystemCopy,  `file copy` and `file rename` between the host and an archive, or two archives: as within the
//   Tcl_FSCopyDirectory,     host (vfs/driver/copy_across.cpp)
//   Tcl_FSRenameFile
//   Tcl_PosixError           errorCode of what a jail has denied: {SAFEKIT DENIED promise ...} (jail/reporter.h)
//   TclpGetPwUid             tcl_platform(user): the user data base (nsswitch, nscd, /etc/passwd) is read when a script
//                            asks for it, not at every start; see read_user() in boot.cpp
//   TclpObjNormalizePath     paths at or below a mount point: no look at the host (a system call for each part) for what
//                            cannot be there
//   getaddrinfo              "localhost" where there is no /etc/hosts to look it up in (RFC 6761, section 6.3)
//   getnameinfo,             the name of an address that -sockname and -peername ask for, and of the own host, for `info
//   TclpGetHostByName        hostname`: a number or the short name does, so a jail that denies the look-up says nothing
//   open, connect, bind      what Landlock has denied is told (jail/reporter.h)
//   dlopen, dlerror          not usable in a static program: a clear message

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <netdb.h>
#include <nss.h>
#include <pwd.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <tcl.h>
#include <unistd.h>

#include <clocale>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/file.h"
#include "driver/driver.h"
#include "host.h"
#include "jail/reporter.h"

namespace {

// A TclFile is a descriptor plus one, as a pointer (tclUnixPipe.c, MakeFile).
using TclFile = struct TclFile_*;
TclFile make_tcl_file(int fd) noexcept { return reinterpret_cast<TclFile>(static_cast<std::intptr_t>(fd) + 1); }

// The locale that the environment names for characters: the first of these that is set and not empty (setlocale(3)).
std::string_view environment_locale() noexcept {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return value;
  }
  return "C";
}

// Whether a locale is known to have UTF-8, or to name no encoding that anyone wants.
bool is_utf8_or_plain(std::string_view locale) noexcept {
  if (locale == "C" || locale == "POSIX") return true;
  const auto dot = locale.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string codeset(locale.substr(dot + 1, locale.find('@') - dot - 1));
  return ::strcasecmp(codeset.c_str(), "UTF-8") == 0 || ::strcasecmp(codeset.c_str(), "utf8") == 0;
}

// Whether a file of the host has an attribute of this index; other file systems look themselves.
bool has_attribute(Tcl_Interp* interp, int index, Tcl_Obj* path) noexcept {
  Tcl_FSGetFileSystemForPath(path);  // looks anew where mounts have changed; the next alone does not
  if (Tcl_FSGetNativePath(path) == nullptr) return true;
  Tcl_Obj* list = nullptr;
  const char* const* names = Tcl_FSFileAttrStrings(path, &list);
  int count = 0;
  while (names != nullptr && count <= index && names[count] != nullptr) ++count;
  if (index < count) return true;
  Tcl_SetErrno(EINVAL);
  if (interp != nullptr) {
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("could not read \"%s\": %s", Tcl_GetString(path), Tcl_PosixError(interp)));
  }
  return false;
}

// Set while the first interpreter is created.
bool user_can_wait = false;

}  // namespace

extern "C" {

TclFile __real_TclpCreateTempFile(const char* contents) noexcept;
int __real_TclpObjNormalizePath(Tcl_Interp* interp, Tcl_Obj* path, int checked) noexcept;
int __real_TclFileTemporaryCmd(ClientData data, Tcl_Interp* interp, int count, Tcl_Obj* const words[]) noexcept;
int __real_TclCrossFilesystemCopy(Tcl_Interp* interp, Tcl_Obj* source, Tcl_Obj* target) noexcept;
const char* __real_Tcl_PosixError(Tcl_Interp* interp) noexcept;
int __real_Tcl_FSCopyDirectory(Tcl_Obj* source, Tcl_Obj* target, Tcl_Obj** culprit) noexcept;
int __real_Tcl_FSRenameFile(Tcl_Obj* source, Tcl_Obj* target) noexcept;
int __real_Tcl_FSFileAttrsGet(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj** value) noexcept;
int __real_Tcl_FSFileAttrsSet(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj* value) noexcept;
struct passwd* __real_TclpGetPwUid(uid_t uid) noexcept;
char* __real_setlocale(int category, const char* locale) noexcept;
struct hostent* __real_TclpGetHostByName(const char* name) noexcept;
int __real_getnameinfo(const sockaddr* address, socklen_t size, char* host, socklen_t host_size, char* service,
                       socklen_t service_size, int flags) noexcept;
int __real_open(const char* path, int flags, ...) noexcept;
int __real_connect(int socket, const sockaddr* address, socklen_t size) noexcept;
int __real_bind(int socket, const sockaddr* address, socklen_t size) noexcept;
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

// Tcl would make the file in the host's directory for temporary files, whatever the template says.
int __wrap_TclFileTemporaryCmd(ClientData data, Tcl_Interp* interp, int count, Tcl_Obj* const words[]) noexcept {
  if (count == 3) {
    if (const int code = starlit::temporary_file(interp, words[1], words[2]); code != TCL_CONTINUE) return code;
  }
  return __real_TclFileTemporaryCmd(data, interp, count, words);
}

int __wrap_TclCrossFilesystemCopy(Tcl_Interp* interp, Tcl_Obj* source, Tcl_Obj* target) noexcept {
  auto copied = starlit::copy_across(source, target);
  if (!copied) {
    starlit::take_close_error();
    const int result = __real_TclCrossFilesystemCopy(interp, source, target);
    if (result != TCL_OK) return result;
    copied = starlit::take_close_error();
  }
  Tcl_SetErrno(*copied);
  return *copied == 0 ? TCL_OK : TCL_ERROR;
}

int __wrap_Tcl_FSCopyDirectory(Tcl_Obj* source, Tcl_Obj* target, Tcl_Obj** culprit) noexcept {
  const int result = __real_Tcl_FSCopyDirectory(source, target, culprit);
  if (result == TCL_OK || Tcl_GetErrno() != EXDEV) return result;
  const auto copied = starlit::copy_directory_across(source, target, culprit);
  Tcl_SetErrno(copied.value_or(EXDEV));
  return copied == 0 ? TCL_OK : TCL_ERROR;
}

// EXDEV makes Tcl copy and then remove, EINVAL makes it refuse.
int __wrap_Tcl_FSRenameFile(Tcl_Obj* source, Tcl_Obj* target) noexcept {
  const int result = __real_Tcl_FSRenameFile(source, target);
  if (result == TCL_OK || Tcl_GetErrno() != EXDEV) return result;
  Tcl_SetErrno(starlit::may_move_across(source, target) ? EXDEV : EINVAL);
  return TCL_ERROR;  // not -1, as Tcl's own does: a command's result comes of it
}

int __wrap_Tcl_FSFileAttrsGet(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj** value) noexcept {
  return has_attribute(interp, index, path) ? __real_Tcl_FSFileAttrsGet(interp, index, path, value) : TCL_ERROR;
}

int __wrap_Tcl_FSFileAttrsSet(Tcl_Interp* interp, int index, Tcl_Obj* path, Tcl_Obj* value) noexcept {
  return has_attribute(interp, index, path) ? __real_Tcl_FSFileAttrsSet(interp, index, path, value) : TCL_ERROR;
}

const char* __wrap_Tcl_PosixError(Tcl_Interp* interp) noexcept {
  const starlit::jail::Promises denial = starlit::jail::take_denial();
  // Tcl goes on to the next address after a socket that was denied, and says that the host cannot be reached.
  const bool is_denied = denial != 0 && (Tcl_GetErrno() == EACCES || Tcl_GetErrno() == EHOSTUNREACH);
  if (is_denied) Tcl_SetErrno(EACCES);
  const char* text = __real_Tcl_PosixError(interp);
  if (!is_denied || interp == nullptr) return text;
  Tcl_Obj* words = Tcl_NewListObj(0, nullptr);
  for (const char* word : {"SAFEKIT", "DENIED"}) Tcl_ListObjAppendElement(nullptr, words, Tcl_NewStringObj(word, -1));
  if (denial == starlit::jail::kLandlockDenial) {
    Tcl_ListObjAppendElement(nullptr, words, Tcl_NewStringObj("landlock", -1));
  } else if (denial != ~0u) {
    starlit::jail::for_each_name(
        denial,
        [](void* list, std::string_view name) {
          Tcl_ListObjAppendElement(nullptr, static_cast<Tcl_Obj*>(list), starlit::new_string(name));
        },
        words);
  }
  Tcl_SetObjErrorCode(interp, words);
  return text;
}

struct passwd* __wrap_TclpGetPwUid(uid_t uid) noexcept {
  return user_can_wait ? nullptr : __real_TclpGetPwUid(uid);
}

char* __wrap_setlocale(int category, const char* locale) noexcept {
  if (category == LC_CTYPE && locale != nullptr && *locale == '\0' && is_utf8_or_plain(environment_locale())) {
    locale = nullptr;
  }
  return __real_setlocale(category, locale);
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

struct hostent* __wrap_TclpGetHostByName(const char* name) noexcept {
  const starlit::jail::Untold quiet;
  return __real_TclpGetHostByName(name);
}

int __wrap_getnameinfo(const sockaddr* address, socklen_t size, char* host, socklen_t host_size, char* service,
                       socklen_t service_size, int flags) noexcept {
  const starlit::jail::Untold quiet;
  return __real_getnameinfo(address, size, host, host_size, service, service_size, flags);
}

int __wrap_open(const char* path, int flags, ...) noexcept {
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  const int fd = __real_open(path, flags, mode);
  if (fd < 0 && errno == EACCES) starlit::jail::explain_open(path, flags);
  return fd;
}

int __wrap_connect(int socket, const sockaddr* address, socklen_t size) noexcept {
  const int result = __real_connect(socket, address, size);
  if (result != 0 && errno == EACCES) starlit::jail::explain_address(socket, address, false);
  return result;
}

int __wrap_bind(int socket, const sockaddr* address, socklen_t size) noexcept {
  const int result = __real_bind(socket, address, size);
  if (result != 0 && errno == EACCES) starlit::jail::explain_address(socket, address, true);
  return result;
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

void keep_to_own_name_services() {
  // For a service named in /etc/nsswitch.conf that is not built in, such as "systemd", glibc loads the host's shared
  // library, and with it a second C library, which ends in a crash. These are built in since glibc 2.34 and 2.36
  // (nss/nss_files, resolv/nss_dns). The function is declared in <nss.h>.
  for (const char* database : {"passwd", "group", "initgroups", "services", "protocols", "networks", "netgroup"}) {
    ::__nss_configure_lookup(database, "files");
  }
  ::__nss_configure_lookup("hosts", "files dns");
}

std::string locale_encoding() {
  const char* locale = std::setlocale(LC_CTYPE, nullptr);
  if (is_utf8_or_plain(locale) || ::strcasecmp(::nl_langinfo(CODESET), "UTF-8") == 0) return "utf-8";
  Tcl_DString name;
  const std::string encoding = Tcl_GetEncodingNameFromEnvironment(&name);
  Tcl_DStringFree(&name);
  return encoding;
}

Tcl_Interp* create_first_interpreter() {
  user_can_wait = true;
  Tcl_Interp* interp = Tcl_CreateInterp();
  user_can_wait = false;
  return interp;
}

std::string user_name() {
  const struct passwd* entry = __real_TclpGetPwUid(::getuid());
  return entry == nullptr ? "" : entry->pw_name;
}

}  // namespace starlit
