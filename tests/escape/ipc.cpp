// SPDX-License-Identifier: MIT
//
// Talking with the partner outside: sockets, and the descriptors that come through them; System V, POSIX queues;
// keys.

#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "attempt.h"
#include "partner.h"

namespace escape {
namespace {

struct Message {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> control{};
  std::array<char, 128> text{};
  iovec part{text.data(), text.size() - 1};
  msghdr header{};

  Message() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
  // The descriptor that came with it, or -1.
  int descriptor() {
    const cmsghdr* head = CMSG_FIRSTHDR(&header);
    if (head == nullptr || head->cmsg_type != SCM_RIGHTS) return -1;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
  }
};

Outcome use_message(std::string_view how, Message& message, const Facts& facts) {
  const int directory = message.descriptor();
  if (directory < 0) return denied(std::string(how) + ": no descriptor came");
  return use_directory(std::string(how) + ", SCM_RIGHTS", directory, facts);
}

Outcome receive(std::string_view how, int socket, const Facts& facts) {
  Message message;
  if (recvmsg(socket, &message.header, 0) < 0) return failed(std::string(how) + ", recvmsg");
  return use_message(how, message, facts);
}

Outcome receive_many(std::string_view how, int socket, const Facts& facts) {
  Message message;
  mmsghdr many{message.header, 0};
  if (recvmmsg(socket, &many, 1, 0, nullptr) < 0) return failed(std::string(how) + ", recvmmsg");
  message.header = many.msg_hdr;
  return use_message(how, message, facts);
}

Outcome rights_inherited(const Facts& facts) { return receive("socket 8", kPartnerSocket, facts); }
Outcome rights_many(const Facts& facts) { return receive_many("socket 8", kPartnerSocket, facts); }
Outcome rights_stdin(const Facts& facts) { return receive("stdin", 0, facts); }
Outcome rights_stdin_many(const Facts& facts) { return receive_many("stdin", 0, facts); }
Outcome text_inherited(const Facts&) { return content_of("socket 8", kPartnerSocket); }

int connect_to(const sockaddr_un& address, socklen_t size) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int connect_abstract(const Facts& facts) {
  const std::string name = facts.text("abstract");
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  return connect_to(address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size()));
}

int connect_path(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return connect_to(address, sizeof address);
}

Outcome abstract_connect(const Facts& facts) { return content_of("abstract socket", connect_abstract(facts)); }
Outcome path_connect(const Facts& facts) {
  return content_of("socket file", connect_path(facts.path("/sockets/partner")));
}

Outcome rights_abstract(const Facts& facts) {
  const int fd = connect_abstract(facts);
  return fd < 0 ? failed("abstract socket, connect") : receive("abstract socket", fd, facts);
}

Outcome rights_path(const Facts& facts) {
  const int fd = connect_path(facts.path("/sockets/partner"));
  return fd < 0 ? failed("socket file, connect") : receive("socket file", fd, facts);
}

Outcome abstract_datagram(const Facts& facts) {
  const std::string name = facts.text("abstract") + "-datagram";
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed("socket(AF_UNIX)");
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), size) < 0) return failed("sendto");
  return tried("sent a datagram");
}

// Hands a descriptor of the inside to the outside: for a jailed program, whatever it may open itself.
Outcome send_rights(const Facts&) {
  Message message;
  message.part.iov_len = 1;
  message.header.msg_controllen = CMSG_SPACE(sizeof(int));
  cmsghdr* head = CMSG_FIRSTHDR(&message.header);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = 1;
  std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
  return outcome_of("stdin, sendmsg with a descriptor", sendmsg(0, &message.header, MSG_NOSIGNAL));
}

Outcome listen_path(const Facts& facts) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = facts.path("/w/listener");
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed("socket(AF_UNIX)");
  const int result = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  unlink(path.c_str());
  return result < 0 ? failed("bind", error) : outcome_of("listen", listen(fd, 1));
}

Outcome shared_memory(const Facts& facts) {
  const int id = shmget(static_cast<key_t>(facts.number("key")), 0, 0);
  if (id < 0) return failed("shmget");
  const void* memory = shmat(id, nullptr, SHM_RDONLY);
  if (memory == reinterpret_cast<void*>(-1)) return failed("shmat");
  return escaped("shmat: " + std::string(static_cast<const char*>(memory)));
}

Outcome semaphore(const Facts& facts) {
  const int id = semget(static_cast<key_t>(facts.number("key")), 0, 0);
  return id < 0 ? failed("semget") : outcome_of("semctl(GETVAL)", semctl(id, 0, GETVAL));
}

Outcome message_queue(const Facts& facts) {
  const int id = msgget(static_cast<key_t>(facts.number("key")), 0);
  if (id < 0) return failed("msgget");
  struct {
    long type = 1;
    char text = 'x';
  } message;
  return msgsnd(id, &message, 1, IPC_NOWAIT) < 0 ? failed("msgsnd") : tried("msgsnd");
}

Outcome posix_queue(const Facts& facts) {
  const mqd_t queue = mq_open(facts.text("queue").c_str(), O_RDONLY);
  if (queue < 0) return failed("mq_open");
  std::array<char, 256> buffer{};
  // The partner fills it again every few hundredths of a second.
  if (mq_receive(queue, buffer.data(), buffer.size(), nullptr) < 0) return failed("mq_receive");
  return escaped("mq_receive: " + std::string(buffer.data()));
}

Outcome read_key(std::string_view how, long keyring, const std::string& name) {
  const long key = syscall(SYS_keyctl, kKeySearch, keyring, "user", name.c_str(), 0);
  if (key < 0) return failed(std::string(how) + ", keyctl(KEYCTL_SEARCH)");
  std::array<char, 256> buffer{};
  if (syscall(SYS_keyctl, kKeyRead, key, buffer.data(), buffer.size() - 1) < 0) return failed("keyctl(KEYCTL_READ)");
  return escaped(std::string(how) + ": " + buffer.data());
}

Outcome session_key(const Facts&) { return read_key("session keyring", kSessionKeyring, kStageKey); }
Outcome user_key(const Facts& facts) { return read_key("user keyring", kUserKeyring, facts.text("key_name")); }

Outcome ask_key(const Facts&) {
  const long key = syscall(SYS_request_key, "user", kStageKey, nullptr, 0);
  if (key < 0) return failed("request_key");
  std::array<char, 256> buffer{};
  if (syscall(SYS_keyctl, kKeyRead, key, buffer.data(), buffer.size() - 1) < 0) return failed("keyctl(KEYCTL_READ)");
  return escaped("request_key: " + std::string(buffer.data()));
}

Outcome add_key(const Facts&) {
  return outcome_of("add_key", syscall(SYS_add_key, "user", "starlit-escape", "x", 1, -2 /* process keyring */));
}

constexpr Attempt kAttempts[] = {
    {"rights-inherited", "6", "both", "evidence=token", "receives a directory by a socket that was left open",
     rights_inherited},
    {"rights-inherited-many", "6", "both", "evidence=token", "the same by recvmmsg", rights_many},
    {"text-inherited", "6", "both", "evidence=token", "reads what the outside sent to a socket that was left open",
     text_inherited},
    {"rights-stdin", "6", "both", "evidence=token refusable stdin=socket", "receives a directory by its stdin",
     rights_stdin},
    {"rights-stdin-many", "6", "both", "evidence=token refusable stdin=socket", "the same by recvmmsg",
     rights_stdin_many},
    {"rights-abstract", "6", "both", "evidence=token", "receives a directory by an abstract socket", rights_abstract},
    {"rights-path", "6", "both", "evidence=token", "receives a directory by a socket file in its root", rights_path},
    {"rights-send", "6", "both", "refusable stdin=socket", "sends a descriptor by its stdin", send_rights},
    {"abstract-connect", "10", "both", "evidence=token", "connects to an abstract socket", abstract_connect},
    {"abstract-datagram", "10", "both", "evidence=journal", "sends to an abstract socket", abstract_datagram},
    {"path-connect", "10", "both", "evidence=token", "connects to a socket file of the outside", path_connect},
    {"path-listen", "10", "both", "", "offers a socket file to the outside", listen_path},
    {"session-key", "12", "both", "evidence=token", "reads a key of the session", session_key},
    {"user-key", "12", "both", "evidence=token", "reads a key of the user", user_key},
    {"request-key", "12", "both", "evidence=token", "asks for a key of the session", ask_key},
    {"add-key", "12", "both", "", "adds a key", add_key},
    {"sysv-memory", "13", "both", "evidence=token", "attaches shared memory of the outside", shared_memory},
    {"sysv-semaphore", "13", "both", "", "reads a semaphore of the outside", semaphore},
    {"sysv-queue", "13", "both", "evidence=journal", "sends to a System V queue of the outside", message_queue},
    {"posix-queue", "13", "both", "evidence=token", "receives from a POSIX queue of the outside", posix_queue},
};

}  // namespace

std::span<const Attempt> ipc_attempts() { return kAttempts; }

}  // namespace escape
