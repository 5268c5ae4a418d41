# SPDX-License-Identifier: MIT
#
# peers.tcl: other ways to lock a program in, with the holes that each is known to have. They show that the battery
# finds what is there: a hole listed here that it does not find is a failure. For `escape.test --ways peers.tcl`; with
# --table too, all attempts are made.

# What reaches a process of the same user where no namespace lies between.
set neighbours {
    kill tgkill tkill sigqueue pidfd-signal signal-owner kill-group prlimit see-process rights-abstract
    abstract-connect sysv-memory sysv-semaphore sysv-queue posix-queue tcp-connect tcp-fastopen mptcp-connect udp-send
    type type-high-bits session-key environment
}
set debuggers {ptrace memory-read memory-write descriptor-theft kcmp user-key}
set inherited {
    inherited-fchdir inherited-openat inherited-dotdot inherited-file stdin-directory stderr-directory
    rights-inherited rights-inherited-many rights-stdin rights-path path-connect
}
set surface {
    memory-program code-writable code-memfd fork int80-getpid vsyscall uring-setup perf userfaultfd personality vsock
    netlink-route processes memory files processor file-size core-dump core-limit hostname sysinfo
}

# chroot(2) and nothing else, by root.
way chroot -who root -words {chroot %root% /escape try %attempt%} -escapes [concat $neighbours $debuggers $inherited \
	$surface {
    second-chroot second-chroot-dot mknod-null mknod-memory mknod-disk mount-proc mount-tmpfs fsopen unmount
    setns-mounts handle-open syslog bpf sethostname clock-set keep-root capset packet-socket
}]

# The wrapper of 2002, set-user-ID root, by an ordinary user in the directory that becomes the root.
way seed -who user -prepared 1 -words {%root%/seed-wrapper try %attempt%} -escapes [concat $neighbours $debuggers \
	$inherited $surface {seed-wrapper setuid-program setgid-program capable-program linked-program}]

if {[auto_execok bwrap] eq ""} {
    error "couldn't find bwrap (hint: ./dev setup installs the package bubblewrap)"
}

# bubblewrap with all that it offers without a filter of the caller's.
way bwrap -who {root user} -words {
    bwrap --unshare-all --die-with-parent --new-session --clearenv --cap-drop ALL --bind %root% / --
    /escape try %attempt%
} -escapes [concat $inherited $surface {session-key ptrace-parent user-namespace user-namespace-mount}]
