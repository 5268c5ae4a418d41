// SPDX-License-Identifier: MIT
//
// `safekit`: jailed.h says what it does.

#include "jailed.h"

int main(int argc, char* argv[]) {
  if (argc < 1) return 125;
  return starlit::run_jailed({argv + 1, argv + argc}, argv[0]);
}
