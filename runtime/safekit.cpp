// SPDX-License-Identifier: MIT
//
// `safekit`: jailed.h says what it does.

#include <cstdio>

#include "jail/privileges.h"
#include "jailed.h"

int main(int argc, char* argv[]) {
  if (argc < 1) return 125;
  // Too much of it is programmable for that.
  if (starlit::jail::has_lent_rights()) {
    std::fputs("safekit: refused to run with rights that its caller does not have (hint: they are for "
               "safekit-chroot)\n",
               stderr);
    return 125;
  }
  return starlit::run_jailed({argv + 1, argv + argc}, argv[0]);
}
