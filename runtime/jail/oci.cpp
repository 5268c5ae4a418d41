// SPDX-License-Identifier: MIT

#include "jail/oci.h"

#include <errno.h>
#include <sys/syscall.h>

#include "jail/promises.h"

namespace starlit::jail {
namespace {

#if defined(__x86_64__)
constexpr const char* kArchitecture = "SCMP_ARCH_X86_64";
#elif defined(__aarch64__)
constexpr const char* kArchitecture = "SCMP_ARCH_AARCH64";
#endif

// Of the only process that a container's namespace has when its filter begins.
constexpr std::uint64_t kFirstProcess = 1;

std::string text(std::string_view text) { return "\"" + std::string(text) + "\""; }  // nothing in it needs escaping

std::string entry(const std::string& names, const std::string& rest) {
  return "{\"names\": [" + names + "], " + rest + "}";
}

// An int is compared by its low 32 bits alone, as the mask says.
std::string argument(const Condition& condition) {
  const std::uint64_t value = condition.value == kOwnProcess ? kFirstProcess : condition.value;
  std::string json = "{\"index\": " + std::to_string(condition.argument) + ", ";
  if (condition.mask == ~std::uint64_t{0}) {
    json += "\"value\": " + std::to_string(value) + ", \"op\": \"SCMP_CMP_EQ\"}";
  } else {
    json += "\"value\": " + std::to_string(condition.mask) + ", \"valueTwo\": " + std::to_string(value) +
            ", \"op\": \"SCMP_CMP_MASKED_EQ\"}";
  }
  return json;
}

void append(std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; }

}  // namespace

std::string oci_filter(Promises promises) {
  std::string always;
  std::string others;
  int last = -1;
  for (const Rule& rule : rules()) {
    if (!rule.is_granted(promises)) continue;
    if (is_allowed_always(rule.number, promises)) {
      if (rule.number != last) append(always, text(rule.name));
      last = rule.number;
      continue;
    }
    std::string arguments;
    for (const Condition& condition : rule.conditions) {
      if (condition.width != Condition::Width::kNone) append(arguments, argument(condition));
    }
    const std::string one = entry(text(rule.name), "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [" + arguments + "]");
    // Two promises may each allow the same.
    if (others.find(one) == std::string::npos) append(others, one);
  }
  std::string calls = entry(always, "\"action\": \"SCMP_ACT_ALLOW\"");
  if (!others.empty()) append(calls, others);
  std::string unimplemented;
  for (const int call : unimplemented_calls()) append(unimplemented, text(call_name(call)));
  append(calls, entry(unimplemented, "\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": " + std::to_string(ENOSYS)));
  return "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": " + std::to_string(EACCES) +
         ", \"architectures\": [" + text(kArchitecture) + "], \"syscalls\": [" + calls + "]}";
}

}  // namespace starlit::jail
