// SPDX-License-Identifier: MIT

#include "jail/environment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

namespace starlit::jail {
namespace {

// What a program finds where nothing else was asked for.
constexpr std::pair<const char*, const char*> kEnvironment[] = {
    {"PATH", "/usr/bin:/bin"}, {"HOME", "/"}, {"LANG", "C.UTF-8"}, {"TZ", "UTC"}};

}  // namespace

Variables kept_variables(const Options& options) {
  Variables kept;
  const auto keep = [&](const std::string& name) {
    if (const char* value = ::getenv(name.c_str())) kept.emplace_back(name, value);
  };
  for (const std::string& name : options.kept_environment) keep(name);
  if (options.shares_terminal) keep("TERM");
  return kept;
}

void clean_environment(const Options& options) {
  const Variables kept = kept_variables(options);
  // The strings themselves lie above the stack (execve(2)), where a program that is taken over can read them.
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    ::explicit_bzero(*variable, ::strlen(*variable));
  }
  if (::clearenv() != 0) throw posix_error("couldn't clean", "the environment");
  const auto set = [](const std::string& name, const std::string& value) {
    if (::setenv(name.c_str(), value.c_str(), 1) != 0) throw posix_error("couldn't set the variable", name);
  };
  for (const auto& [name, value] : kEnvironment) set(name, value);
  for (const auto& [name, value] : kept) set(name, value);
  for (const auto& [name, value] : options.set_environment) set(name, value);
}

}  // namespace starlit::jail
