// SPDX-License-Identifier: MIT
//
// Parts of the kernel that no script needs and that faults are found in time and again, and io_uring, whose work
// passes by a filter of calls.

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sys/fanotify.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <fstream>

#include "attempt.h"

namespace escape {
namespace {

Outcome uring_setup(const Facts&) {
  io_uring_params parameters{};
  const long ring = syscall(SYS_io_uring_setup, 4, &parameters);
  if (ring < 0 && errno == EPERM) {
    std::ifstream setting("/proc/sys/kernel/io_uring_disabled");
    int value = 0;
    if (setting >> value && value != 0) return unavailable("kernel.io_uring_disabled is " + std::to_string(value));
    errno = EPERM;
  }
  return outcome_of("io_uring_setup", ring);
}

// One request, IORING_OP_OPENAT, through the rings: https://man7.org/linux/man-pages/man7/io_uring.7.html
Outcome uring_open(const Facts& facts) {
  io_uring_params parameters{};
  const int ring = static_cast<int>(syscall(SYS_io_uring_setup, 4, &parameters));
  if (ring < 0) return uring_setup(facts);
  const auto map = [ring](std::size_t bytes, off_t offset) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
    return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
  };
  char* submissions = map(parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
  char* completions = map(parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
  char* entries = map(parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
  if (submissions == nullptr || completions == nullptr || entries == nullptr) return failed("mmap of the rings");
  const std::string path = facts.text("canary");
  io_uring_sqe entry{};
  entry.opcode = IORING_OP_OPENAT;
  entry.fd = AT_FDCWD;
  entry.addr = reinterpret_cast<unsigned long>(path.c_str());
  entry.open_flags = O_RDONLY;
  std::memcpy(entries, &entry, sizeof entry);
  reinterpret_cast<unsigned*>(submissions + parameters.sq_off.array)[0] = 0;
  reinterpret_cast<std::atomic<unsigned>*>(submissions + parameters.sq_off.tail)->store(1);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) < 0)
    return failed("io_uring_enter");
  const auto* completion = reinterpret_cast<io_uring_cqe*>(completions + parameters.cq_off.cqes);
  if (completion->res < 0) return failed("openat by io_uring", -completion->res);
  return content_of("openat by io_uring", completion->res);
}

Outcome make_map(const Facts&) {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = 4;
  attributes.max_entries = 1;
  return outcome_of("bpf(BPF_MAP_CREATE)", syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

Outcome count_events(const Facts&) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  const long fd = syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
  return outcome_of("perf_event_open", fd);
}

Outcome handle_faults(const Facts&) {
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
  return outcome_of("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));
}

Outcome set_personality(const Facts&) {
  return outcome_of("personality(ADDR_NO_RANDOMIZE)", personality(ADDR_NO_RANDOMIZE));
}

Outcome watch_files(const Facts&) { return outcome_of("fanotify_init", fanotify_init(FAN_CLASS_NOTIF, O_RDONLY)); }

Outcome read_log(const Facts&) {
  std::array<char, 256> buffer;
  return outcome_of("syslog(SYSLOG_ACTION_READ_ALL)", klogctl(3, buffer.data(), buffer.size()));
}

// A file that is no module: the kernel says ENOEXEC once it has looked at it, which is what must not happen.
Outcome load_module(const Facts&) {
  const std::array<char, 64> nothing{};
  const long result = syscall(SYS_init_module, nothing.data(), nothing.size(), "");
  if (result < 0 && errno == ENOEXEC) return escaped("init_module: the kernel read the module");
  return outcome_of("init_module", result);
}

#if defined(__x86_64__)
Outcome read_descriptors(const Facts&) {
  std::array<char, 64> buffer;
  return outcome_of("modify_ldt", syscall(SYS_modify_ldt, 0, buffer.data(), buffer.size()));
}

Outcome use_ports(const Facts&) { return outcome_of("ioperm", syscall(SYS_ioperm, 0x80, 1, 1)); }
#else
Outcome read_descriptors(const Facts&) { return unavailable("modify_ldt is x86's"); }
Outcome use_ports(const Facts&) { return unavailable("ioperm is x86's"); }
#endif

Outcome stop_accounting(const Facts&) { return outcome_of("acct", acct(nullptr)); }

Outcome move_pages_of(const Facts& facts) {
  unsigned long nodes = 1;
  return outcome_of("migrate_pages", syscall(SYS_migrate_pages, facts.number("victim"), 8, &nodes, &nodes));
}

constexpr Attempt kAttempts[] = {
    {"uring-setup", "14", "both", "", "makes a ring of requests", uring_setup},
    {"uring-open", "14", "both", "evidence=token", "has the ring open a file", uring_open},
    {"bpf", "18", "root", "", "makes a map of BPF's", make_map},
    {"perf", "18", "both", "", "counts events", count_events},
    {"userfaultfd", "18", "both", "", "handles page faults itself", handle_faults},
    {"personality", "18", "both", "", "has addresses no longer made random", set_personality},
    {"fanotify", "18", "root", "", "watches files", watch_files},
    {"syslog", "18", "root", "", "reads the log of the kernel", read_log},
    {"module", "18", "root", "", "loads a module", load_module},
    {"modify-ldt", "18", "both", "", "looks at its segment descriptors", read_descriptors},
    {"ioperm", "18", "root", "", "uses the ports of the machine", use_ports},
    {"acct", "18", "root", "", "ends the accounting of processes", stop_accounting},
    {"migrate-pages", "18", "both", "", "moves the memory of a process outside", move_pages_of},
};

}  // namespace

std::span<const Attempt> kernel_attempts() { return kAttempts; }

}  // namespace escape
