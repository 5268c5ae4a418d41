# SPDX-License-Identifier: MIT
#
# md5sum.tcl: sdx md5sum, the MD5 of members.

::sdx::Load sums

namespace eval ::sdx::md5sum {
    variable operands $::sdx::sums::operands
    variable options $::sdx::sums::options
    variable description {
	Prints the MD5 of the contents of members of a kit, a starpack, a plain archive, a Metakit kit or a zip file;
	without MEMBER of all files. The lines are those of md5sum(1): below the unwrapped kit, md5sum -c checks them.
    }
}

proc ::sdx::md5sum::Run {values} {
    ::sdx::sums::Run ::starlit::md5 $values
}
