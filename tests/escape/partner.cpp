// SPDX-License-Identifier: MIT
//
// The outsider. One thread and one loop, so that "the victim" has one id and its memory stays where it is.

#include "partner.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <grp.h>

namespace escape {
namespace {

constexpr int kPause = 20;  // milliseconds between looks at what cannot be polled

std::array<char, 256> token;  // what every attempt is after
int journal = -1;
volatile sig_atomic_t must_end = 0;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::_Exit(2);
}

int check(int result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

void note(const char* what) {
  if (write(journal, what, std::strlen(what)) < 0) std::_Exit(2);
}

void on_signal(int number) {
  if (number == SIGTERM) {
    must_end = 1;
  } else {
    note("signal\n");
  }
}

int listen_unix(const sockaddr_un& address, socklen_t size, int type) {
  const int fd = check(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");
  check(bind(fd, reinterpret_cast<const sockaddr*>(&address), size), "bind");
  if (type == SOCK_STREAM) check(listen(fd, 16), "listen");
  return fd;
}

int listen_abstract(const std::string& name, int type) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  return listen_unix(address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size()), type);
}

int listen_path(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  unlink(path.c_str());
  return listen_unix(address, sizeof address, SOCK_STREAM);
}

int listen_inet(int type, int* port) {
  const int fd = check(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  if (type == SOCK_STREAM) {
    const int queue = 16;
    check(setsockopt(fd, IPPROTO_TCP, 23 /* TCP_FASTOPEN */, &queue, sizeof queue), "TCP_FASTOPEN");
    check(listen(fd, 16), "listen");
  }
  socklen_t size = sizeof address;
  check(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  *port = ntohs(address.sin_port);
  return fd;
}

// type and bytes of a file's handle, for open_by_handle_at.
void print_handle(const std::string& path) {
  alignas(file_handle) std::array<unsigned char, sizeof(file_handle) + MAX_HANDLE_SZ> buffer{};
  auto* handle = reinterpret_cast<file_handle*>(buffer.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  if (name_to_handle_at(AT_FDCWD, path.c_str(), handle, &mount_id, 0) != 0) {
    std::printf("handle_error=%s\n", strerrorname_np(errno));
    return;
  }
  std::printf("handle_type=%d\nhandle=", handle->handle_type);
  for (unsigned i = 0; i < handle->handle_bytes; ++i) std::printf("%02x", buffer[sizeof(file_handle) + i]);
  std::printf("\n");
}

}  // namespace

void become(uid_t uid) {
  if (uid == getuid()) return;
  check(setgroups(0, nullptr), "setgroups");
  check(setresgid(uid, uid, uid), "setresgid");
  check(setresuid(uid, uid, uid), "setresuid");
  check(prctl(PR_SET_DUMPABLE, 1), "PR_SET_DUMPABLE");
}

int send_directory(int socket, int directory, const char* text) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{const_cast<char*>(text), std::strlen(text)};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* head = CMSG_FIRSTHDR(&header);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(head), &directory, sizeof directory);
  return sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int make_capable(const char* path) {
  // struct vfs_cap_data, version 2, effective: capabilities(7)
  const std::array<std::uint32_t, 5> value{0x02000001, 1U << 18 /* CAP_SYS_CHROOT */, 0, 0, 0};
  if (setxattr(path, "security.capability", value.data(), sizeof value, 0) == 0) return 0;
  std::perror("setxattr");
  return 1;
}

int run_partner(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string directory = argv[1];
  const pid_t parent = getppid();
  become(static_cast<uid_t>(std::atoi(argv[3])));
  signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGUSR1, SIGIO, SIGURG, SIGTERM}) signal(number, on_signal);

  const int canary = check(open((directory + "/canary").c_str(), O_RDONLY | O_CLOEXEC), "canary");
  const ssize_t n = read(canary, token.data(), 128);
  if (n <= 0) fail("canary");
  check(chdir(directory.c_str()), "chdir");
  journal = check(open("journal", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), "journal");
  const int root = check(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "/");

  const std::string name = "starlit-escape-" + std::to_string(getpid());
  int tcp_port = 0;
  int udp_port = 0;
  const int tcp = listen_inet(SOCK_STREAM, &tcp_port);
  const int udp = listen_inet(SOCK_DGRAM, &udp_port);
  const int stream = listen_abstract(name, SOCK_STREAM);
  const int datagram = listen_abstract(name + "-datagram", SOCK_DGRAM);
  const int file = listen_path(argv[2]);

  const key_t key = 0x57a70000 + getpid();
  const int memory = check(shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600), "shmget");
  void* shared = shmat(memory, nullptr, 0);
  std::memcpy(shared, token.data(), token.size());
  const int semaphore = check(semget(key, 1, IPC_CREAT | IPC_EXCL | 0600), "semget");
  const int messages = check(msgget(key, IPC_CREAT | IPC_EXCL | 0600), "msgget");
  const std::string queue_name = "/" + name;
  mq_attr attributes{};
  attributes.mq_maxmsg = 1;
  attributes.mq_msgsize = static_cast<long>(token.size());
  const mqd_t queue =
      check(mq_open(queue_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attributes),
            "mq_open");
  const long secret_key = syscall(SYS_add_key, "user", name.c_str(), token.data(), n, kUserKeyring);
  if (secret_key < 0) fail("add_key");
  // All for who possesses it and for its user; else the user's keyring could be searched, the key not read.
  check(static_cast<int>(syscall(SYS_keyctl, kKeySetPermissions, secret_key, 0x3f3f0000, 0, 0)), "KEYCTL_SETPERM");

  struct stat status;
  check(fstat(canary, &status), "fstat");
  std::printf("victim=%d\nsecret=%p\ndirectory=%d\ntcp=%d\nudp=%d\nabstract=%s\nkey=%d\nqueue=%s\nkey_name=%s\n",
              getpid(), static_cast<void*>(token.data()), root, tcp_port, udp_port, name.c_str(), key,
              queue_name.c_str(), name.c_str());
  std::printf("canary=%s/canary\ndevice=%lu\n", directory.c_str(), static_cast<unsigned long>(status.st_dev));
  print_handle(directory + "/canary");
  std::printf("ready\n");
  std::fflush(stdout);
  std::freopen("/dev/null", "w", stdout);

  std::array<pollfd, 5> waiting{
      {{tcp, POLLIN, 0}, {stream, POLLIN, 0}, {file, POLLIN, 0}, {udp, POLLIN, 0}, {datagram, POLLIN, 0}}};
  while (must_end == 0 && getppid() == parent) {
    mq_send(queue, token.data(), token.size(), 0);
    std::array<char, 64> text;
    if (msgrcv(messages, text.data(), 8, 0, IPC_NOWAIT) >= 0) note("message\n");
    if (poll(waiting.data(), waiting.size(), kPause) <= 0) continue;
    for (const pollfd& one : waiting) {
      if ((one.revents & POLLIN) == 0) continue;
      if (one.fd == udp || one.fd == datagram) {
        if (recv(one.fd, text.data(), text.size(), MSG_DONTWAIT) >= 0) note("datagram\n");
        continue;
      }
      const int guest = accept4(one.fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (guest < 0) continue;
      if (one.fd == tcp) {
        send(guest, token.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL);
        shutdown(guest, SHUT_WR);
      } else {
        send_directory(guest, root, token.data());
      }
      close(guest);
    }
  }
  shmctl(memory, IPC_RMID, nullptr);
  semctl(semaphore, 0, IPC_RMID);
  msgctl(messages, IPC_RMID, nullptr);
  mq_unlink(queue_name.c_str());
  syscall(SYS_keyctl, kKeyUnlink, secret_key, kUserKeyring, 0, 0);
  return 0;
}

}  // namespace escape
