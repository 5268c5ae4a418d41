# SPDX-License-Identifier: MIT
#
# browser.tcl: pictures as a browser shows them, by Debian's chromium without a screen.

# browser --
#
#	Runs chromium on a file; these options say what it prints or writes.

proc browser {file args} {
    # Root has no sandbox of chromium's.
    set sandbox [expr {[exec id -u] == 0 ? "--no-sandbox" : "--disable-gpu"}]
    return [exec timeout 120 chromium --headless $sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1 \
	    --user-data-dir=[pwd]/chromium {*}$args file://[file normalize $file] 2>/dev/null]
}

# inBrowser --
#
#	What a script in a page tells of a picture in that page.
#
# Arguments:
#	script -	The body of a JavaScript function of the picture's element, that returns a text.

proc inBrowser {svg script} {
    set channel [open page.html w]
    fconfigure $channel -encoding utf-8
    puts $channel "<!DOCTYPE html><meta charset=utf-8><body style=\"margin: 0\">$svg<pre id=told></pre><script>
	document.getElementById('told').textContent = (function (picture) { $script })(document.querySelector('svg'));
	</script>"
    close $channel
    if {![regexp {<pre id="told">(.*?)</pre>} [browser page.html --dump-dom] - told]} {
	error "the browser tells nothing"
    }
    return [string map {&lt; < &gt; > &amp; &} $told]
}

# screenshot --
#
#	Shows a picture of that size.
#
# Results:
#	A list of rows, each a list of colours such as #8ecae6.

proc screenshot {file width height} {
    browser $file --window-size=$width,$height --screenshot=[pwd]/screenshot.png
    set channel [open screenshot.png rb]
    set png [read $channel]
    close $channel
    return [pixels $png]
}

# pixels --
#
#	The colours of a PNG of 8 bits a channel, without interlacing: PNG specification, 2nd edition, sections 9 and 10.

proc pixels {png} {
    binary scan $png @16IIccccc width height depth type - - interlaced
    if {$depth != 8 || $type ni {2 6} || $interlaced} {
	error "no PNG that is known here: depth $depth, colour type $type"
    }
    set channels [expr {$type == 6 ? 4 : 3}]
    set deflated ""
    for {set at 8} {$at < [string length $png]} {incr at [expr {$size + 12}]} {
	binary scan $png @${at}Ia4 size name
	if {$name eq "IDAT"} {
	    append deflated [string range $png $at+8 [expr {$at + 7 + $size}]]
	}
    }
    set bytes [zlib decompress $deflated]
    set stride [expr {$width * $channels}]
    set above [lrepeat $stride 0]
    set rows {}
    for {set y 0} {$y < $height} {incr y} {
	binary scan $bytes @[expr {$y * ($stride + 1)}]cucu$stride filter line
	set done {}
	for {set i 0} {$i < $stride} {incr i} {
	    set left [expr {$i < $channels ? 0 : [lindex $done $i-$channels]}]
	    set up [lindex $above $i]
	    set corner [expr {$i < $channels ? 0 : [lindex $above $i-$channels]}]
	    switch -- $filter {
		0 {set guess 0}
		1 {set guess $left}
		2 {set guess $up}
		3 {set guess [expr {($left + $up) / 2}]}
		4 {
		    set p [expr {$left + $up - $corner}]
		    set guess $corner
		    if {abs($p - $left) <= abs($p - $up) && abs($p - $left) <= abs($p - $corner)} {
			set guess $left
		    } elseif {abs($p - $up) <= abs($p - $corner)} {
			set guess $up
		    }
		}
	    }
	    lappend done [expr {([lindex $line $i] + $guess) & 255}]
	}
	set above $done
	set row {}
	for {set i 0} {$i < $stride} {incr i $channels} {
	    lappend row [format #%02x%02x%02x {*}[lrange $done $i $i+2]]
	}
	lappend rows $row
    }
    return $rows
}
