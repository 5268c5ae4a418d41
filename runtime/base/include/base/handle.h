// SPDX-License-Identifier: MIT
//
// Owners of C handles. A raw close, munmap or free is found nowhere else.

#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <span>
#include <utility>

namespace starlit {

// A deleter that calls one C function: std::unique_ptr<sqlite3_stmt, Calls<sqlite3_finalize>>.
template <auto function>
struct Calls {
  template <typename T>
  void operator()(T* handle) const noexcept {
    function(handle);
  }
};

using Bytes = std::span<const std::byte>;

// A file descriptor. -1 is none.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A read-only mapping of a part of a file.
class Mapping {
 public:
  Mapping() noexcept = default;
  Mapping(void* address, std::size_t size_bytes) noexcept : address_(address), size_bytes_(size_bytes) {}
  Mapping(Mapping&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_bytes_, other.size_bytes_);
    return *this;
  }
  ~Mapping() {
    if (address_ != nullptr) ::munmap(address_, size_bytes_);
  }

  Bytes bytes() const noexcept { return {static_cast<const std::byte*>(address_), size_bytes_}; }

 private:
  void* address_ = nullptr;
  std::size_t size_bytes_ = 0;
};

}  // namespace starlit
