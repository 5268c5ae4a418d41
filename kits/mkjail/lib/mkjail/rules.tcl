# SPDX-License-Identifier: MIT
#
# rules.tcl: what programs open at run time, which their headers do not tell.
#
# One row a rule, a dict:
#	name	for --with and --without
#	when	conditions, of which one must hold: always; {needs PATTERN} a library is needed; {imports FUNCTION};
#		{program PATTERN} the name of a program or of its interpreter; oldlibc: glibc before 2.34, when name services
#		were libraries of their own
#	off	1: only with --with; when `when` holds, a note says so
#	paths	patterns of files and whole directories of the host; those that are not there are passed over. %libdir% is
#		where the C library lies.
#	except	patterns of names in those directories that are not taken
#	library	names of libraries, found as the linker would
#	make	{PATH PROCEDURE ...}: files that are written, by ::mkjail::etc::PROCEDURE
#	folder	directories
#	set	{SETTING VALUES}: defaults of the list-valued options of the same name
#	why	the reason, as the manifest has it

namespace eval ::mkjail::rules {
    variable table {
	{name users when always make {/etc/passwd Passwd /etc/group Group}
	    why "user names: root and the service user"}
	{name resolver when always
	    make {/etc/hosts Hosts /etc/hostname Hostname /etc/resolv.conf Resolv /etc/nsswitch.conf Nsswitch
		/etc/host.conf HostConf}
	    why "host names"}
	{name services when {{imports getservbyname} {imports getservbyport} {imports getaddrinfo} {imports getprotobyname}}
	    paths {/etc/services /etc/protocols} why "names of ports and protocols"}
	{name nss when oldlibc paths {%libdir%/libnss_files.so.2 %libdir%/libnss_dns.so.2 %libdir%/libresolv.so.2}
	    why "name services, which this C library loads at run time"}
	{name threads when {{imports pthread_exit} {imports pthread_cancel}} library libgcc_s.so.1
	    why "ending threads, for which the C library loads it"}
	{name timezone when always paths /etc/localtime why "local time"}
	{name locale when {{needs libc.so.6}} paths {/usr/lib/locale/C.utf8 /usr/lib/locale/C.UTF-8} why "UTF-8"}
	{name certificates
	    when {{needs libssl.so.*} {needs libgnutls.so.*} {needs libmbedtls.so.*} {needs libnss3.so}}
	    paths /etc/ssl/certs/ca-certificates.crt why "whom TLS trusts"}
	{name openssl when {{needs libcrypto.so.*}} paths {/etc/ssl/openssl.cnf /usr/lib/ssl/openssl.cnf}
	    why "OpenSSL reads it at start"}
	{name terminfo when {{needs libtinfo.so.*} {needs libncurses.so.*} {needs libncursesw.so.*}}
	    paths {/lib/terminfo /etc/terminfo} why "terminals"}
	{name tcl when {{needs libtcl8.6.so}} paths /usr/share/tcltk/tcl8.6 why "Tcl's library"}
	{name perl when {{program perl*}}
	    paths {/usr/lib/*-linux-*/perl-base /usr/share/perl/5.* /usr/lib/*-linux-*/perl/5.*} except {CORE *.pod}
	    why "Perl's library"}
	{name python when {{program python3*}} paths /usr/lib/python3.*
	    except {__pycache__ config-* dist-packages ensurepip idlelib lib2to3 test tkinter turtledemo _tkinter.*}
	    why "Python's library"}
	{name gconv when {{imports iconv_open}} off 1 paths {%libdir%/gconv} why "encodings other than UTF-8 and Latin-1"}
	{name locales when {} off 1 paths {/usr/lib/locale} why "all locales of the host"}
	{name pam when {{needs libpam.so.0}} off 1
	    paths {/etc/pam.conf /etc/pam.d /etc/security %libdir%/security} why "authentication modules"}
	{name nginx when {{program nginx}} paths {/etc/nginx/mime.types}
	    make {/etc/nginx/nginx.conf {Template nginx.conf}}
	    folder {/etc/nginx/modules-enabled /var/www/html}
	    set {writable {/run /var/lib/nginx /var/log/nginx} allow {wpath cpath fattr inet:server unix sendfd recvfd proc}
		bind-tcp 8080}
	    why "nginx"}
    }
}

# ::mkjail::rules::Names --
#
#	The names of all rules, in order, and whether each is on by itself: {NAME ON ...}.

proc ::mkjail::rules::Names {} {
    variable table

    set names {}
    foreach rule $table {
	lappend names [dict get $rule name] [expr {![dict exists $rule off]}]
    }
    return $names
}

# ::mkjail::rules::Holds --
#
#	The first condition of a rule that holds, in words, or nothing.
#
# Arguments:
#	facts -	A dict: needs, symbols, programs (lists), oldlibc (0 or 1).

proc ::mkjail::rules::Holds {rule facts} {
    foreach condition [dict get $rule when] {
	lassign $condition kind pattern
	switch -- $kind {
	    always {
		return "always there"
	    }
	    oldlibc {
		if {[dict get $facts oldlibc]} {
		    return "an old C library"
		}
	    }
	    needs {
		set name [lsearch -inline -glob [dict get $facts needs] $pattern]
		if {$name ne ""} {
		    return "for $name"
		}
	    }
	    imports {
		if {$pattern in [dict get $facts symbols]} {
		    return "for $pattern\()"
		}
	    }
	    program {
		set name [lsearch -inline -glob [dict get $facts programs] $pattern]
		if {$name ne ""} {
		    return "for $name"
		}
	    }
	}
    }
    return ""
}

# ::mkjail::rules::Symbols --
#
#	The functions that rules ask for, and those that the plan tells of.

proc ::mkjail::rules::Symbols {} {
    variable table

    variable symbols

    if {[info exists symbols]} {
	return $symbols
    }
    set symbols dlopen
    foreach rule $table {
	foreach condition [dict get $rule when] {
	    if {[lindex $condition 0] eq "imports"} {
		lappend symbols [lindex $condition 1]
	    }
	}
    }
    set symbols [lsort -unique $symbols]
    return $symbols
}
