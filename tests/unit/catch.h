// SPDX-License-Identifier: MIT
//
// Catch2 of either generation: 3 has many headers, 2.13 has one.

#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
