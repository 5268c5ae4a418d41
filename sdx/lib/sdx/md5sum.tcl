# SPDX-License-Identifier: MIT
#
# md5sum.tcl: sdx md5sum, the MD5 of members.

::sdx::Load sums

namespace eval ::sdx::md5sum {
    variable operands $::sdx::sums::operands
    variable options $::sdx::sums::options
    variable result $::sdx::sums::result
    variable description {
	Prints the MD5 of the contents of members of a kit, a starpack, a plain archive, a Metakit kit or a zip file;
	without MEMBER of all files. The lines are those of md5sum(1): below the unwrapped kit, md5sum -c checks them.
    }
    variable examples {
	{sdx md5sum app.kit | (cd app.vfs && md5sum -c --quiet)} {whether the tree still has what was wrapped}
    }
}

proc ::sdx::md5sum::Run {values} {
    return [::sdx::sums::Run ::starlit::md5 $values]
}

proc ::sdx::md5sum::Shell {values} {
    ::sdx::sums::Shell ::starlit::md5 $values
}
