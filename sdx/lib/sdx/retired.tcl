# SPDX-License-Identifier: MIT
#
# retired.tcl: the subcommands of the classic sdx that are no more, and what replaces each.

namespace eval ::sdx::retired {
    variable answers {
	eval     {tclkit runs Tcl (hint: echo 'puts [COMMAND]' | tclkit -)}
	fetch    {curl does it, and speaks TLS (hint: curl -LO URL)}
	ftpd     {FTP sends passwords in the clear (hint: sshd serves files by sftp)}
	httpd    {it was a toy (hint: python3 -m http.server, or a web server in Tcl, wrapped)}
	httpdist {its servers are gone (hint: rsync copies what has changed)}
	mkshow   {sdx mkinfo shows the structure of a Metakit kit; sdx lsk, stat and cat what is in it}
	ratarx   {tar tells what it unpacks (hint: tar -dzf FILE names what differs from it, tar -tzf FILE all)}
	rexecd   {it ran what anybody sent (hint: ssh)}
	starsync {nothing asks it any more (hint: rsync copies what has changed, sdx update puts it into a kit)}
    }
}

# ::sdx::retired::Answer --
#
#	What to say of a subcommand; empty when it is none of these.

proc ::sdx::retired::Answer {name} {
    variable answers

    if {![dict exists $answers $name]} {
	return ""
    }
    return "the command \"$name\" of the classic sdx is no more: [dict get $answers $name]"
}
