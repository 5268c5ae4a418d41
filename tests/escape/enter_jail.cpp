// SPDX-License-Identifier: MIT
//
// As runtime/jailed.cpp does for safekit, less the kit.

#include "enter_jail.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "jail/plan.h"

namespace escape {

using namespace starlit;

int enter_jail(int argc, char** argv) {
  const bool is_in_process = argc > 1 && std::string(argv[1]) == "--in-process";
  const int first = is_in_process ? 2 : 1;
  try {
    auto [options, count] = jail::parse_options(std::vector<std::string>(argv + first, argv + argc));
    jail::Context context;
    context.report = jail::make_report();
    context.is_in_process = is_in_process;
    jail::Plan plan(std::move(options), std::move(context));
    plan.prepare();
    plan.enter();
    return first + static_cast<int>(count);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "escape: %s\n", error.what());
    std::exit(jail::kExitJail);
  }
}

}  // namespace escape
