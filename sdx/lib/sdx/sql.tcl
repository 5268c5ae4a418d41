# SPDX-License-Identifier: MIT
#
# sql.tcl: sdx sql, questions to an archive.

::sdx::Load json
::sdx::Load lsk
::sdx::Load members

namespace eval ::sdx::sql {
    variable operands {{KIT required} {QUERY required}}
    variable options {
	{{-header} {} {} {print the names of the columns first}}
	{{-json} {} {} {print the rows as JSON: an array of objects}}
    }
    variable description {
	Asks the database of a kit, a starpack or a plain archive by SQL, and prints a line for each row, with a tab between
	columns; control characters in values are written as \x and two digits. A NULL is empty, a blob is taken for text in
	UTF-8; in JSON it is written in base64. A QUERY of "-" is read from standard input.

	Nothing can be changed by it, and other databases cannot be attached. Metakit kits and zip files have no database.

	The members are in the table sqlar(name, mode, mtime, sz, data); contents of more than 16 MiB are elsewhere. A
	content is sqlar_uncompress(data, sz).
    }
    variable examples {
	{sdx sql app.kit "SELECT name, sz FROM sqlar ORDER BY sz DESC LIMIT 10"} {the ten largest members}
    }
    variable result {
	a list of dicts, one for each row, from the columns' names to the values. A column that is NULL is not in the dict.
    }
    # What a NULL is read as: a text that no database can know.
    variable null "NULL [pid] [clock clicks]"
}

proc ::sdx::sql::Run {options} {
    variable null

    set rows {}
    Each $options columns row {
	set values {}
	foreach column $columns {
	    if {[Type $row($column)] eq "bytearray" || $row($column) ne $null} {
		dict set values $column $row($column)
	    }
	}
	lappend rows $values
    }
    return $rows
}

proc ::sdx::sql::Shell {values} {
    set json [dict get $values -json]
    set header [dict get $values -header]
    set objects {}
    set before {}
    Each $values columns row {
	if {$header && !$json && $columns ne $before} {
	    puts [join [lmap column $columns {::sdx::lsk::Printable $column}] \t]
	    set before $columns
	}
	if {$json} {
	    lappend objects [::sdx::json::Object [concat {*}[lmap column $columns {
		list $column [Value $row($column)]
	    }]]]
	} else {
	    puts [join [lmap column $columns {Text $row($column)}] \t]
	}
    }
    if {$json} {
	puts [::sdx::json::Array $objects]
    }
}

# ::sdx::sql::Each --
#
#	Evaluates a script for each row of the answer.
#
# Arguments:
#	columnsName -	The script's variable that gets the names of the columns, no two of which are the same.
#	rowName -	Its array that gets the values by these names.

proc ::sdx::sql::Each {values columnsName rowName script} {
    variable null
    upvar 1 $columnsName columns $rowName row

    set kit [dict get $values KIT]
    set query [dict get $values QUERY]
    if {$query eq "-"} {
	set query [read stdin]
    }
    set format [dict get [::starlit::archive info $kit] format]
    if {$format in {metakit zip}} {
	return -code error -errorcode [list SDX FORMAT $format] "couldn't query \"$kit\": it is a\
	    [dict get $::sdx::members::formats $format], which holds no database (hint: sdx unwrap it and sdx wrap it anew)"
    }
    package require sqlite3
    ::sdx::members::Mounted $kit point {
	sqlite3 [namespace current]::database $point -readonly 1
	try {
	    database nullvalue $null
	    database authorizer [namespace current]::Authorize
	    set columns {}
	    database eval $query row {
		if {$row(*) ne $columns} {
		    set columns $row(*)
		    if {[llength [lsort -unique $columns]] != [llength $columns]} {
			throw {SDX QUERY} "two columns have the same name (hint: give one another by AS)"
		    }
		}
		uplevel 1 $script
	    }
	} trap POSIX {message options} {
	    return -options $options $message
	} on error {message} {
	    if {$message in {{not authorized} {authorization denied}}} {
		set message "it can only be read, and no other database attached"
	    }
	    return -code error -errorcode {SDX QUERY} "couldn't query \"$kit\": $message"
	} finally {
	    database close
	}
    }
}

# ::sdx::sql::Authorize --
#
#	What SQLite asks before it prepares a statement.

proc ::sdx::sql::Authorize {action args} {
    return [expr {$action in {SQLITE_ATTACH SQLITE_DETACH} ? "SQLITE_DENY" : "SQLITE_OK"}]
}

# ::sdx::sql::Type --
#
#	What SQLite gave us for a value: int, wideInt, double, bytearray, or a string.

proc ::sdx::sql::Type {value} {
    # No list: the beginning of the value stands at its end.
    return [lindex [split [::tcl::unsupported::representation $value] " "] 3]
}

proc ::sdx::sql::Text {value} {
    variable null

    if {[Type $value] eq "bytearray"} {
	set value [encoding convertfrom utf-8 $value]
    } elseif {$value eq $null} {
	return ""
    }
    return [::sdx::lsk::Printable $value]
}

proc ::sdx::sql::Value {value} {
    variable null

    switch -- [Type $value] {
	int - wideInt {
	    return $value
	}
	double {
	    # JSON has no infinity.
	    if {abs($value) <= 1.7976931348623157e308} {
		return $value
	    }
	    return null
	}
	bytearray {
	    return \"[binary encode base64 $value]\"
	}
    }
    if {$value eq $null} {
	return null
    }
    return [::sdx::json::Text $value]
}
