// SPDX-License-Identifier: MIT
//
// starlit::sha256 data BYTES, starlit::md5 data BYTES
// starlit::sha256 channel CHANNEL, starlit::md5 channel CHANNEL
//
// The SHA-256 (FIPS 180-4) or MD5 (RFC 1321) of bytes, or of all that is left to read of a channel, which has to be
// binary and blocking: for programs that tell whether files were changed. The sums are libmd's; in pure Tcl SHA-256 takes
// 8 s a megabyte. MD5 is for lists that are there already: it does not withstand who wants to deceive.

#include <md5.h>
#include <sha2.h>

#include <array>
#include <vector>

#include "command_table.h"
#include "driver/commands.h"

namespace starlit {
namespace {

constexpr Tcl_Size kPieceBytes = 65536;

struct Sha256 {
  using Context = SHA2_CTX;
  static constexpr std::size_t kDigits = SHA256_DIGEST_STRING_LENGTH - 1;
  static constexpr auto start = SHA256Init;
  static constexpr auto update = SHA256Update;
  static constexpr auto end = SHA256End;
};

struct Md5 {
  using Context = MD5_CTX;
  static constexpr std::size_t kDigits = MD5_DIGEST_STRING_LENGTH - 1;
  static constexpr auto start = MD5Init;
  static constexpr auto update = MD5Update;
  static constexpr auto end = MD5End;
};

template <typename Kind>
class Sum {
 public:
  Sum() { Kind::start(&context_); }

  void add(std::string_view bytes) {
    Kind::update(&context_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }

  // Ends the sum: call it once.
  Obj hexadecimal() {
    std::array<char, Kind::kDigits + 1> digits;
    Kind::end(&context_, digits.data());
    return Obj(Tcl_NewStringObj(digits.data(), Kind::kDigits));
  }

 private:
  typename Kind::Context context_;
};

template <typename Kind>
Obj of_data(Tcl_Interp*, Arguments arguments) {
  Sum<Kind> sum;
  sum.add(bytes_of(arguments[0]));
  return sum.hexadecimal();
}

Error unreadable(Tcl_Obj* channel, int posix, std::string_view cause) {
  return Error(posix, "", quoted("couldn't read channel", Tcl_GetString(channel)) + ": " + std::string(cause));
}

template <typename Kind>
Obj of_channel(Tcl_Interp* interp, Arguments arguments) {
  int mode = 0;
  const Tcl_Channel channel = Tcl_GetChannel(interp, Tcl_GetString(arguments[0]), &mode);
  if (channel == nullptr) throw TclError{};
  if ((mode & TCL_READABLE) == 0) throw unreadable(arguments[0], EACCES, "it wasn't opened for reading");
  Sum<Kind> sum;
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

template <typename Kind>
constexpr CommandRow kCommands[] = {
    {"data", "bytes", 1, 1, of_data<Kind>},
    {"channel", "channel", 1, 1, of_channel<Kind>},
};

}  // namespace

void create_digest_commands(Tcl_Interp* interp) {
  create_ensemble(interp, "::starlit::sha256", kCommands<Sha256>);
  create_ensemble(interp, "::starlit::md5", kCommands<Md5>);
}

}  // namespace starlit
