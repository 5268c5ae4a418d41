// SPDX-License-Identifier: MIT
//
// Reaching the network, of which the partner listens on 127.0.0.1, and the kinds of sockets that need none.

#include <arpa/inet.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "attempt.h"

namespace escape {
namespace {

sockaddr_in partner(const Facts& facts, const char* fact) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(facts.number(fact)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Outcome connect_by(std::string_view how, int fd, const Facts& facts) {
  if (fd < 0) return failed(std::string(how) + ", socket");
  const sockaddr_in address = partner(facts, "tcp");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed(std::string(how) + ", connect");
  }
  return content_of(how, fd);
}

Outcome connect_tcp(const Facts& facts) { return connect_by("TCP", socket(AF_INET, SOCK_STREAM, 0), facts); }

// A protocol over TCP that Landlock's rules about TCP do not know.
Outcome connect_multipath(const Facts& facts) {
  return connect_by("MPTCP", socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */), facts);
}

// Connects without connect(2).
Outcome connect_fast(const Facts& facts) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  const sockaddr_in address = partner(facts, "tcp");
  if (sendto(fd, "x", 1, MSG_FASTOPEN, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return failed("sendto(MSG_FASTOPEN)");
  }
  return content_of("TCP by sendto", fd);
}

Outcome connect_mapped(const Facts& facts) {
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket(AF_INET6)");
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = partner(facts, "tcp").sin_port;
  inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed("connect");
  return content_of("TCP by IPv6", fd);
}

Outcome send_udp(const Facts& facts) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) return failed("socket(SOCK_DGRAM)");
  const sockaddr_in address = partner(facts, "udp");
  if (sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return failed("sendto");
  return tried("sent a datagram");
}

Outcome listen_tcp(const Facts&) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  return outcome_of("listen", listen(fd, 1));
}

Outcome bind_tcp(const Facts&) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  const sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  return outcome_of("bind", bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

Outcome open_socket(std::string_view name, int family, int type, int protocol) {
  const int fd = socket(family, type, protocol);
  return fd < 0 ? failed("socket(" + std::string(name) + ")") : escaped("socket(" + std::string(name) + ")");
}

Outcome route(const Facts&) { return open_socket("AF_NETLINK, NETLINK_ROUTE", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }
Outcome events(const Facts&) {
  return open_socket("AF_NETLINK, NETLINK_KOBJECT_UEVENT", AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
}
Outcome packets(const Facts&) { return open_socket("AF_PACKET", AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)); }
Outcome raw(const Facts&) { return open_socket("SOCK_RAW", AF_INET, SOCK_RAW, IPPROTO_ICMP); }
Outcome machine(const Facts&) { return open_socket("AF_VSOCK", AF_VSOCK, SOCK_STREAM, 0); }
Outcome crypto(const Facts&) { return open_socket("AF_ALG", AF_ALG, SOCK_SEQPACKET, 0); }
Outcome local(const Facts&) { return open_socket("AF_UNIX", AF_UNIX, SOCK_STREAM, 0); }

Outcome pair(const Facts&) {
  int ends[2];
  return outcome_of("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
}

constexpr Attempt kAttempts[] = {
    {"tcp-connect", "24", "both", "evidence=token", "connects to the host", connect_tcp},
    {"tcp-fastopen", "24", "both", "evidence=token", "the same without connect", connect_fast},
    {"tcp-mapped", "24", "both", "evidence=token", "the same by an IPv6 address", connect_mapped},
    {"mptcp-connect", "24", "both", "evidence=token", "the same by multipath TCP", connect_multipath},
    {"tcp-listen", "24", "both", "", "listens on a port that it did not choose", listen_tcp},
    {"tcp-bind", "24", "both", "", "takes a port", bind_tcp},
    {"udp-send", "24", "both", "evidence=journal", "sends a datagram to the host", send_udp},
    {"netlink-route", "24", "both", "", "asks for interfaces and routes", route},
    {"netlink-events", "24", "both", "", "hears of devices", events},
    {"packet-socket", "24", "root", "", "hears all packets", packets},
    {"raw-socket", "24", "root", "", "makes packets of its own", raw},
    {"vsock", "24", "both", "", "reaches the host of a virtual machine", machine},
    {"alg-socket", "24", "both", "", "uses the kernel's ciphers", crypto},
    {"unix-socket", "10", "both", "", "makes a Unix socket", local},
    {"unix-pair", "10", "both", "", "makes a pair of Unix sockets, through which descriptors pass", pair},
};

}  // namespace

std::span<const Attempt> network_attempts() { return kAttempts; }

}  // namespace escape
