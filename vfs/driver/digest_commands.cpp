// SPDX-License-Identifier: MIT
//
// starlit::sha256 data BYTES
// starlit::sha256 channel CHANNEL
//
// The SHA-256 (FIPS 180-4; the sum itself is libmd's) of bytes, or of all that is left to read of a channel, which
// has to be binary and blocking: for programs that tell whether files were changed. In pure Tcl it takes 8 s a
// megabyte.

#include <sha2.h>

#include <array>
#include <vector>

#include "command_table.h"
#include "driver/commands.h"

namespace starlit {
namespace {

constexpr Tcl_Size kPieceBytes = 65536;

class Sha256 {
 public:
  Sha256() { SHA256Init(&context_); }

  void add(std::string_view bytes) {
    SHA256Update(&context_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }

  // Ends the sum: call it once.
  Obj hexadecimal() {
    std::array<char, SHA256_DIGEST_STRING_LENGTH> digits;
    SHA256End(&context_, digits.data());
    return Obj(Tcl_NewStringObj(digits.data(), SHA256_DIGEST_STRING_LENGTH - 1));
  }

 private:
  SHA2_CTX context_;
};

Obj of_data(Tcl_Interp*, Arguments arguments) {
  Sha256 sum;
  sum.add(bytes_of(arguments[0]));
  return sum.hexadecimal();
}

Error unreadable(Tcl_Obj* channel, int posix, std::string_view cause) {
  return Error(posix, "", quoted("couldn't read channel", Tcl_GetString(channel)) + ": " + std::string(cause));
}

Obj of_channel(Tcl_Interp* interp, Arguments arguments) {
  int mode = 0;
  const Tcl_Channel channel = Tcl_GetChannel(interp, Tcl_GetString(arguments[0]), &mode);
  if (channel == nullptr) throw TclError{};
  if ((mode & TCL_READABLE) == 0) throw unreadable(arguments[0], EACCES, "it wasn't opened for reading");
  Sha256 sum;
  std::vector<char> piece(kPieceBytes);
  for (;;) {
    const Tcl_Size count = Tcl_Read(channel, piece.data(), kPieceBytes);
    if (count < 0) {
      const int posix = Tcl_GetErrno();
      throw unreadable(arguments[0], posix, Tcl_ErrnoMsg(posix));
    }
    if (count == 0) return sum.hexadecimal();
    sum.add({piece.data(), static_cast<std::size_t>(count)});
  }
}

constexpr CommandRow kCommands[] = {
    {"data", "bytes", 1, 1, of_data},
    {"channel", "channel", 1, 1, of_channel},
};

}  // namespace

void create_digest_commands(Tcl_Interp* interp) { create_ensemble(interp, "::starlit::sha256", kCommands); }

}  // namespace starlit
