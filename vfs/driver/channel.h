// SPDX-License-Identifier: MIT
//
// A Tcl channel that reads a member.

#pragma once

#include <memory>

#include "driver/mounts.h"
#include "driver/tcl.h"

namespace starlit {

// Takes the reader; the channel counts as open on its mount until it is closed.
Tcl_Channel open_member_channel(std::shared_ptr<const Mount> mount, std::unique_ptr<MemberReader> reader);

}  // namespace starlit
