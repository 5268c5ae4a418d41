// SPDX-License-Identifier: MIT
//
// libFuzzer's entry (https://llvm.org/docs/LibFuzzer.html). An exception that leaves it ends the process: a finding.

#include <cstddef>
#include <cstdint>

#include "fuzzer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  starlit::run_input({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
