# SPDX-License-Identifier: MIT
#
# sha256sum.tcl: sdx sha256sum, the SHA-256 of members.

::sdx::Load sums

namespace eval ::sdx::sha256sum {
    variable operands $::sdx::sums::operands
    variable options $::sdx::sums::options
    variable description {
	Prints the SHA-256 of the contents of members of a kit, a starpack, a plain archive, a Metakit kit or a zip file;
	without MEMBER of all files. The lines are those of sha256sum(1): below the unwrapped kit, sha256sum -c checks them.
    }
}

proc ::sdx::sha256sum::Run {values} {
    ::sdx::sums::Run ::starlit::sha256 $values
}
