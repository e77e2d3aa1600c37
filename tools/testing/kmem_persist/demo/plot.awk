# SPDX-License-Identifier: GPL-2.0
# awk [-v svg=yes] -f plot.awk RECORD: how RAM and stored data share the device over the
# time of the demo, as text for a terminal, or as SVG. RECORD has lines of demo/lib.sh:
# "SECONDS RAM STORED READY CAPACITY" in kB, and "SECONDS - TEXT" where a step begins.

$2 == "-" {
	text = $0
	sub(/^[0-9]+ - /, "", text)
	mark_at[++marks] = $1
	mark[marks] = text
	next
}
NF == 5 && $5 > 0 {
	at[++n] = $1
	ram[n] = $2
	stored[n] = $3
	ready[n] = $4
	cap = $5
}

function column(t) {
	return int((t - from) * width / span)
}

# fill(): the last sample of each column; a column without one is as that before, and one
# in which the guest was off is empty
function fill(    i, c) {
	for (i = 1; i <= n; i++)
		sample[column(at[i])] = i
	for (c = 0; c <= width; c++) {
		t = from + c * span / width
		while (next_i < n && at[next_i + 1] <= t)
			next_i++
		if (!(c in sample) && next_i > 0 && next_i < n && at[next_i + 1] - at[next_i] < gap)
			sample[c] = next_i
	}
}

function draw_text(    row, c, i, low, line, k) {
	for (row = height; row >= 1; row--) {
		low = (row - 0.5) / height * cap
		line = ""
		for (c = 0; c <= width; c++) {
			i = sample[c]
			if (!i)
				line = line " "
			else if (low < stored[i])
				line = line "d"
			else if (low < stored[i] + ready[i])
				line = line "+"
			else if (low < stored[i] + ready[i] + ram[i])
				line = line "."
			else
				line = line " "
		}
		sub(/ +$/, "", line)
		printf "  %5d |%s\n", row * cap / height / 1024, line
	}
	line = ""
	for (c = 0; c <= width; c++)
		line = line "-"
	for (k = 1; k <= marks; k++) {
		c = column(mark_at[k])
		# two in one place
		while (substr(line, c + 1, 1) ~ /[0-9]/)
			c++
		if (c >= 0 && c <= width)
			line = substr(line, 1, c) k substr(line, c + 2)
	}
	printf "    MiB +%s %d s\n\n", line, span
	print "  d stored   + kept ready for writes   . RAM   blank: no RAM there, or the machine is off"
	for (k = 1; k <= marks; k++)
		printf "  %d %s\n", k, mark[k]
}

function px(t) {
	return sprintf("%.1f", 60 + (t - from) * 620 / span)
}

function py(kb) {
	return sprintf("%.1f", 250 - kb * 220 / cap)
}

# area(LOW, HIGH, COLOUR): between two sums, for each stretch of time without a gap
function area(name, colour,    i, j, k, up, down) {
	for (i = 1; i <= n; i = j + 1) {
		for (j = i; j < n && at[j + 1] - at[j] < gap; j++)
			;
		up = down = ""
		for (k = i; k <= j; k++)
			up = up px(at[k]) "," py(high[name, k]) " "
		for (k = j; k >= i; k--)
			down = down px(at[k]) "," py(low_of[name, k]) " "
		printf "<polygon fill=\"%s\" points=\"%s%s\"/>\n", colour, up, down
	}
}

function draw_svg(    i, k, x, y) {
	print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
	print "<!-- SPDX-License-Identifier: GPL-2.0 -->"
	print "<!-- Made by ./run demo, see tools/testing/kmem_persist/demo/plot.awk -->"
	print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 400\" font-family=\"sans-serif\" font-size=\"12\">"
	print "<rect width=\"720\" height=\"400\" fill=\"white\"/>"
	for (i = 1; i <= n; i++) {
		low_of["stored", i] = 0
		high["stored", i] = low_of["ready", i] = stored[i]
		high["ready", i] = low_of["ram", i] = stored[i] + ready[i]
		high["ram", i] = stored[i] + ready[i] + ram[i]
	}
	area("ram", "#b7d7ee")
	area("ready", "#f2c879")
	area("stored", "#3d6a8f")
	for (k = 0; k <= 4; k++) {
		y = py(cap * k / 4)
		printf "<text x=\"52\" y=\"%.1f\" text-anchor=\"end\">%d</text>\n", y + 4, cap * k / 4 / 1024
		printf "<line x1=\"60\" x2=\"680\" y1=\"%s\" y2=\"%s\" stroke=\"#999\" stroke-width=\"0.5\"/>\n", y, y
	}
	print "<text x=\"10\" y=\"20\">MiB of the device</text>"
	printf "<text x=\"680\" y=\"268\" text-anchor=\"end\">%d s</text>\n", span
	for (k = 1; k <= marks; k++) {
		printf "<line x1=\"%s\" x2=\"%s\" y1=\"26\" y2=\"256\" stroke=\"#333\" stroke-dasharray=\"3 3\"/>\n", px(mark_at[k]), px(mark_at[k])
		# two in one place
		x = k > 1 && px(mark_at[k]) < x + 9 ? x + 9 : px(mark_at[k])
		printf "<text x=\"%.1f\" y=\"268\" text-anchor=\"middle\">%d</text>\n", x, k
		printf "<text x=\"60\" y=\"%d\">%d  %s</text>\n", 284 + k * 16, k, mark[k]
	}
	k = 480
	printf "<rect x=\"%d\" y=\"290\" width=\"12\" height=\"12\" fill=\"#b7d7ee\"/><text x=\"%d\" y=\"300\">RAM</text>\n", k, k + 18
	printf "<rect x=\"%d\" y=\"308\" width=\"12\" height=\"12\" fill=\"#f2c879\"/><text x=\"%d\" y=\"318\">kept ready for writes</text>\n", k, k + 18
	printf "<rect x=\"%d\" y=\"326\" width=\"12\" height=\"12\" fill=\"#3d6a8f\"/><text x=\"%d\" y=\"336\">stored</text>\n", k, k + 18
	print "</svg>"
}

END {
	if (!n) {
		print "plot.awk: no samples" >"/dev/stderr"
		exit 1
	}
	from = marks && mark_at[1] < at[1] ? mark_at[1] : at[1]
	span = at[n] - from
	if (span < 1)
		span = 1
	# as long as nobody says anything the machine is off
	gap = 5
	width = 68
	height = 16
	if (svg) {
		draw_svg()
	} else {
		fill()
		draw_text()
	}
}
