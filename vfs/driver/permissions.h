// SPDX-License-Identifier: MIT
//
// The values of `file attributes -permissions`.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace starlit {

// The permissions that `text` makes of `current`: an octal number with a leading 0 ("0644"), nine letters as `ls -l` shows them
// ("rwxr-x---"), or changes as for chmod(1) ("u+x,go-w"). Nothing where it is none of them.
std::optional<std::uint32_t> parse_permissions(std::string_view text, std::uint32_t current);

}  // namespace starlit
