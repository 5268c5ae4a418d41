# SPDX-License-Identifier: MIT
#
# ways.tcl: the ways into the jail, which escape.test holds every attempt against.

set limits {cpu {--limit-cpu 1s} time {--limit-time 1s}}

# What a kit gets when nothing else is asked for: an empty root. The prepared one is not there at all.
way namespaces -limits $limits -words {%program% --jailed %limits% -- %attempt%}

# A root with all that a careless administrator may leave in it, and writable as far as permissions go.
way namespaces-root -limits $limits -words {
    %program% --jailed --root %root% --writable-root %limits% -- %attempt%
}

# Without a user namespace the kernel counts what the user runs elsewhere too, so the limit is for who asks for it.
set counted [dict merge $limits {processes {--limit-processes 32}}]
set noName {hostname {the host's name can be hidden by a namespace only}}

# The filter hides whether the walls behind it stand: here they stand alone.
way unfiltered -limits $limits -routes {1 2 3 3b 4 5 5b 7 8 9 10 11 12 13 15 16 20 24 25 26 30} -words {
    %program% --jailed --without seccomp,landlock --root %root% --writable-root %limits% -- %attempt%
} -open {
    path-connect/user {a socket file in its root}
    path-listen {a socket file in its root}
    unix-socket {unfiltered}
    unix-pair {unfiltered}
    add-key {a keyring of its own}
    terminal-mode {unfiltered}
    terminal-size {unfiltered}
    sysinfo {unfiltered}
    tcp-listen {a network of its own}
    tcp-bind {a network of its own}
    netlink-route {a network of its own}
    netlink-events {a network of its own}
    vsock {unfiltered}
}

# By chroot(2): as root, and as an ordinary user with a program that has the file capability.
way chroot -who root -limits $counted -open $noName -words {
    %program% --jailed --mode chroot --root %root% --writable-root %limits% -- %attempt%
}
way chroot-capable -who user -prepared 1 -limits $counted -open $noName -words {
    %capable% --jailed --mode chroot --root %root% --writable-root %limits% -- %attempt%
}

# By safekit-chroot, which opens the file that it is given and starts what lies beside it, to finish the jail.
way chroot-wrapper -prepared 1 -limits $counted -open $noName -words {
    %wrapper% --root %root% --writable-root %limits% -- %program% %attempt%
}
way chroot-setuid -who user -prepared 1 -limits $counted -open $noName -words {
    %setuid-wrapper% --root %root% --writable-root %limits% -- %program% %attempt%
}

# Landlock and the filter alone. Paths are the host's.
set inSight [dict merge $noName {
    see-file {Landlock lets stat(2) pass}
    enter-directory {Landlock lets chdir(2) pass}
}]
way landlock -place outside -limits $counted -open $inSight -words {
    %program% --jailed --mode landlock %limits% -- %attempt%
}

# A program that runs already locks itself in, as safekit::enter does. It keeps what it has.
way in-process -limits $limits -words {
    %program% --jailed --in-process --root %root% --writable-root %limits% -- %attempt%
} -open {
    inherited-file {what it has opened stays open}
    inherited-any {what it has opened stays open}
    text-inherited {what it has opened stays open}
    inherited-stat {what it has opened can be looked at; Landlock stops its use}
    environment {it knows its environment already}
    environment-tcl {it knows its environment already}
    environment-memory {it knows its environment already}
}

# A program in the root, for which the promises exec and proc are needed.
set programs {
    memory-program {promised: exec}
    fork {promised: proc}
    vfork {promised: proc}
    clone {promised: proc}
    code-writable {promised: exec}
    code-mprotect {promised: exec}
    code-memfd {promised: exec}
}
way program -limits $limits -open $programs -words {
    %program% --jailed --program --allow exec,proc --root %root% --writable-root %limits% -- %attempt%
}

# Everything is promised, so that what is denied is denied by the other layers. As root the prisoner is nobody, who
# does not own what lies in the root.
set processes {
    fork {promised: proc}
    vfork {promised: proc}
    clone {promised: proc}
}
set talk {
    rights-send {promised: sendfd}
    unix-socket {promised: unix}
    unix-pair {promised: unix}
    terminal-mode {promised: tty}
}
set changes {
    path-listen {promised: unix}
    create-openat {promised: cpath}
    create-open {promised: cpath}
    create-creat {promised: cpath}
    create-temporary {promised: cpath}
    create-directory {promised: cpath}
    create-symlink {promised: cpath}
    create-link/user {promised: cpath}
    write-open/user {promised: wpath}
    write-truncating/user {promised: wpath}
    write-truncate/user {promised: wpath}
    remove {promised: cpath}
    rename {promised: cpath}
    renameat2 {promised: cpath}
    set-mode/user {promised: fattr}
    set-owner/user {promised: chown}
    set-time/user {promised: fattr}
    path-connect/user {promised: unix}
}
way promises -limits $limits -words {
    %program% --jailed --allow wpath,cpath,fattr,chown,flock,inet,dns,unix,recvfd,sendfd,tty,proc,exec
    --root %root% --writable-root %limits% -- %attempt%
} -open [dict merge $programs $talk $changes {
    written-program {promised: cpath, exec}
    tcp-listen {promised: inet}
    tcp-bind {promised: inet}
}]

# The same where no namespace is a second wall, less what needs one.
way chroot-promises -who root -limits $counted -open [dict merge $noName $processes $talk $changes] -words {
    %program% --jailed --mode chroot --allow wpath,cpath,fattr,chown,flock,unix,recvfd,sendfd,tty,proc
    --root %root% --writable-root %limits% -- %attempt%
}
way landlock-promises -place outside -limits $counted -words {
    %program% --jailed --mode landlock --allow wpath,cpath,flock,unix,recvfd,sendfd,tty,proc %limits% -- %attempt%
} -open [dict merge $inSight $processes $talk {
    path-connect/user {promised: unix, and Landlock does not know the paths of sockets}
}]
