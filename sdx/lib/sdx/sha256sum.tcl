# SPDX-License-Identifier: MIT
#
# sha256sum.tcl: sdx sha256sum, the SHA-256 of members.

::sdx::Load sums

namespace eval ::sdx::sha256sum {
    variable operands $::sdx::sums::operands
    variable options $::sdx::sums::options
    variable result $::sdx::sums::result
    variable description {
	Prints the SHA-256 of the contents of members of a kit, a starpack, a plain archive, a Metakit kit or a zip file;
	without MEMBER of all files. The lines are those of sha256sum(1): below the unwrapped kit, sha256sum -c checks them.
    }
    variable examples {
	{sdx sha256sum app.kit | (cd app.vfs && sha256sum -c --quiet)} {whether the tree still has what was wrapped}
    }
}

proc ::sdx::sha256sum::Run {values} {
    return [::sdx::sums::Run ::starlit::sha256 $values]
}

proc ::sdx::sha256sum::Shell {values} {
    ::sdx::sums::Shell ::starlit::sha256 $values
}
