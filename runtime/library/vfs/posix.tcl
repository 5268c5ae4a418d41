# SPDX-License-Identifier: MIT
#
# posix.tcl: the numbers of errors that [vfs::filesystem posixerror] takes, by name. They are this system's; names
# that it does not have are those that tclvfs knows from BSD.

namespace eval ::vfs {
    variable posix
    array set posix [::starlit::handlers errnos]
}

# ::vfs::posixError --
#
#	The number of a named error.

proc ::vfs::posixError {name} {
    variable posix

    return $posix($name)
}

foreach {::vfs::name ::vfs::known} {
    EBADRPC      EPROTO
    EDEADLOCK    EDEADLK
    EFTYPE       EINVAL
    EOPNOTSUPP   ENOTSUP
    EPROCLIM     EAGAIN
    EPROCUNAVAIL EPROTO
    EPROGMISMATCH EPROTO
    EPROGUNAVAIL EPROTO
    ERPCMISMATCH EPROTO
    EWOULDBLOCK  EAGAIN
} {
    if {![info exists ::vfs::posix($::vfs::name)]} {
	set ::vfs::posix($::vfs::name) $::vfs::posix($::vfs::known)
    }
}
unset ::vfs::name ::vfs::known
