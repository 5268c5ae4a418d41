// SPDX-License-Identifier: MIT
//
// A look at, and a hand in, the calls by which the code under test reads and changes files of the host.
//
// unit_tests is linked with --wrap (ld(1)) for each of them, see CMakeLists.txt. Without a HostWatch they go to the C
// library as ever. A watch sees the calls of the thread that has set it, from its constructor to its destructor.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>

namespace starlit {

enum class HostCall { kRead, kWrite, kCopy, kTruncate, kSync, kOpen, kRemove, kRename, kLock, kMode, kOwner };
inline constexpr int kHostCalls = 11;

const char* name_of(HostCall call) noexcept;

class HostWatch {
 public:
  HostWatch() noexcept;
  HostWatch(const HostWatch&) = delete;
  HostWatch& operator=(const HostWatch&) = delete;
  virtual ~HostWatch();

  // Before a call: 0 lets it happen, else it fails with this errno and nothing is done. `fd` is the file's or, for names,
  // the directory's.
  virtual int before(HostCall, int /*fd*/) { return 0; }

  // How many of the bytes the next write may take.
  virtual std::size_t at_most(std::size_t size) { return size; }

  // Whether syncing is to be left out: it takes long, and who only looks on does not need it.
  virtual bool skips_sync() const { return false; }

  // After a call that has succeeded.
  virtual void wrote(int /*fd*/, std::string_view /*bytes*/, off_t /*offset*/) {}
  virtual void truncated(int /*fd*/, off_t /*size*/) {}
  virtual void synced(int /*fd*/) {}
  virtual void opened(int /*directory*/, const char* /*name*/, int /*fd*/, bool /*is_new*/) {}
  virtual void removed(int /*directory*/, const char* /*name*/) {}
  virtual void renamed(int /*directory*/, const char* /*from*/, const char* /*to*/) {}

 private:
  HostWatch* outer_;
};

}  // namespace starlit
