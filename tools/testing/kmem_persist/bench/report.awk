# SPDX-License-Identifier: GPL-2.0
# What a benchmark printed, as a table (to stdout), as JSON and as a plot.
#
#   awk -v json=FILE -v svg=FILE -v last=FILE -v when=TIME -f report.awk RESULTS
#
# RESULTS has lines of fields with tabs between them:
#   fact    NAME VALUE
#   result  PART OPERATION WHAT UNIT MEDIAN QUARTILE1 QUARTILE3 BAR NOTE
#   count   OPERATION WHAT BLOCKS FENCES LINES PAST CACHED MEDIA
# "last" is the JSON of an earlier run, made by this script, to compare with: each
# result is one line there.

function text(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	return "\"" s "\""
}

function xml(s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	return s
}

# A number that people can read: three digits, or all before the point.
function short(v) {
	if (v == "")
		return "-"
	if (v >= 100)
		return sprintf("%.0f", v)
	if (v >= 10)
		return sprintf("%.1f", v)
	return sprintf("%.2f", v)
}

# The value behind "name": of a line of JSON
function value(line, name) {
	if (!match(line, "\"" name "\": (\"[^\"]*\"|[^,}]*)"))
		return ""
	line = substr(line, RSTART, RLENGTH)
	sub(/^[^:]*: /, "", line)
	gsub(/"/, "", line)
	return line
}

function met(bar, v,	limit) {
	if (bar == "")
		return ""
	limit = bar
	sub(/^[<>]= /, "", limit)
	if (bar ~ /^<=/ ? v + 0 <= limit + 0 : v + 0 >= limit + 0)
		return bar ": met"
	return bar ": missed"
}

function read_last(	line, key) {
	while ((getline line <last) > 0) {
		if (line ~ /^  "time"/)
			last_when = value(line, "time")
		# what was said not to be valid is nothing to compare with
		if (line !~ /"operation"/ || line ~ /not valid/)
			continue
		key = value(line, "part") SUBSEP value(line, "operation") SUBSEP value(line, "what")
		before[key] = value(line, "median")
		before_fences[key] = value(line, "fences")
		before_lines[key] = value(line, "lines")
		before_past[key] = value(line, "past")
		before_cached[key] = value(line, "cached")
	}
	close(last)
}

BEGIN {
	FS = "\t"
	if (last != "")
		read_last()
}

$1 == "fact" {
	fact_name[++nr_facts] = $2
	fact_value[nr_facts] = $3
}

$1 == "result" {
	n = ++nr_results
	part[n] = $2; op[n] = $3; what[n] = $4; unit[n] = $5
	median[n] = $6; q1[n] = $7; q3[n] = $8; bar[n] = $9; note[n] = $10
}

$1 == "count" {
	n = ++nr_counts
	c_op[n] = $2; c_what[n] = $3; c_blocks[n] = $4
	c_fences[n] = $5; c_lines[n] = $6; c_past[n] = $7; c_cached[n] = $8; c_media[n] = $9
}

function table_results(	i, key, old, line) {
	printf "%-28s %4s %9s %21s %10s %10s\n", "", "unit", "this run", "half of the rounds",
		"last run", "this/last"
	for (i = 1; i <= nr_results; i++) {
		if (op[i] != op[i - 1])
			print "\n" op[i] (note[i] == "" ? "" : "  (" note[i] ")")
		key = part[i] SUBSEP op[i] SUBSEP what[i]
		old = before[key]
		line = sprintf("  %-26s %4s %9s %21s %10s %10s  %s", what[i], unit[i], short(median[i]),
			short(q1[i]) " to " short(q3[i]), short(old),
			short(old > 0 ? median[i] / old : ""),
			note[i] == "" ? met(bar[i], median[i]) : "")
		sub(/ +$/, "", line)
		print line
	}
}

# A star where the last run had another number: counts do not vary by themselves.
function star(v, old) {
	return sprintf(v == int(v) ? "%d%s" : "%.2f%s", v, old != "" && old + 0 != v + 0 ? "*" : "")
}

function table_counts(	i, key, extra) {
	printf "%-28s %9s %9s %12s %12s %14s\n", "", "fences", "lines", "bytes past", "bytes in",
		"media bytes"
	printf "%-28s %9s %9s %12s %12s %14s\n", "each operation", "", "written", "the caches",
		"the caches", "but the data,"
	printf "%-28s %9s %9s %12s %12s %14s\n", "", "", "back", "", "", "per 4 KiB"
	for (i = 1; i <= nr_counts; i++) {
		if (c_op[i] != c_op[i - 1])
			print "\n" c_op[i]
		key = "counts" SUBSEP c_op[i] SUBSEP c_what[i]
		extra = c_media[i] - (c_op[i] ~ /write/ ? c_blocks[i] * 4096 : 0)
		printf "  %-26s %9s %9s %12s %12s %14.1f\n", c_what[i], star(c_fences[i], before_fences[key]),
			star(c_lines[i], before_lines[key]), star(c_past[i], before_past[key]),
			star(c_cached[i], before_cached[key]), extra / c_blocks[i]
	}
}

function write_json(	i, end) {
	print "{" >json
	print "  \"time\": " text(when) "," >json
	print "  \"facts\": {" >json
	for (i = 1; i <= nr_facts; i++)
		print "    " text(fact_name[i]) ": " text(fact_value[i]) (i < nr_facts ? "," : "") >json
	print "  }," >json
	print "  \"results\": [" >json
	for (i = 1; i <= nr_results; i++) {
		end = i < nr_results || nr_counts ? "," : ""
		print "    {\"part\": " text(part[i]) ", \"operation\": " text(op[i]) \
			", \"what\": " text(what[i]) ", \"unit\": " text(unit[i]) \
			", \"median\": " median[i] + 0 ", \"quartile1\": " q1[i] + 0 \
			", \"quartile3\": " q3[i] + 0 ", \"bar\": " text(bar[i]) \
			", \"note\": " text(note[i]) "}" end >json
	}
	for (i = 1; i <= nr_counts; i++)
		print "    {\"part\": \"counts\", \"operation\": " text(c_op[i]) ", \"what\": " \
			text(c_what[i]) ", \"blocks\": " c_blocks[i] + 0 ", \"fences\": " \
			c_fences[i] + 0 ", \"lines\": " c_lines[i] + 0 ", \"past\": " c_past[i] + 0 \
			", \"cached\": " c_cached[i] + 0 \
			", \"media\": " c_media[i] + 0 "}" (i < nr_counts ? "," : "") >json
	print "  ]" >json
	print "}" >json
	close(json)
}

# One bar for each time; every operation has a scale of its own.
function write_svg(	i, j, y, max, w, key, height, colour) {
	height = 60
	for (i = 1; i <= nr_results; i++)
		if (unit[i] == "ns" || unit[i] == "s")
			height += 18 + (op[i] != op[i - 1] ? 34 : 0)
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", height >svg
	print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>" >svg
	printf "<text x=\"10\" y=\"24\" font-size=\"15\">kmem block device, %s; shorter is faster</text>\n", xml(when) >svg
	printf "<text x=\"10\" y=\"42\" fill=\"#666\">thin line: half of the rounds; black mark: last run%s</text>\n",
		last_when == "" ? " (there is none)" : ", " xml(last_when) >svg
	y = 48
	for (i = 1; i <= nr_results; i++) {
		if (unit[i] != "ns" && unit[i] != "s")
			continue
		if (op[i] != op[i - 1]) {
			y += 34
			printf "<text x=\"10\" y=\"%d\" font-weight=\"bold\">%s</text>\n", y - 6,
				xml(op[i] (note[i] == "" ? "" : " (" note[i] ")")) >svg
			max = 0
			for (j = i; j <= nr_results && op[j] == op[i]; j++) {
				key = part[j] SUBSEP op[j] SUBSEP what[j]
				if (unit[j] != unit[i])
					continue
				if (q3[j] > max)
					max = q3[j] + 0
				if (before[key] > max)
					max = before[key] + 0
			}
		}
		colour = what[i] == "kmem" || unit[i] == "s" ? "#2a6fbb" : "#b8b8b8"
		w = 500 / max
		printf "<text x=\"150\" y=\"%d\" text-anchor=\"end\">%s</text>\n", y + 11, xml(what[i]) >svg
		printf "<rect x=\"160\" y=\"%d\" width=\"%.1f\" height=\"13\" fill=\"%s\"/>\n", y,
			median[i] * w, colour >svg
		printf "<path d=\"M%.1f %d H%.1f\" stroke=\"#d33\"/>\n", 160 + q1[i] * w, y + 6, 160 + q3[i] * w >svg
		key = part[i] SUBSEP op[i] SUBSEP what[i]
		if (before[key] > 0)
			printf "<path d=\"M%.1f %d V%d\" stroke=\"black\" stroke-width=\"2\"/>\n",
				160 + before[key] * w, y - 1, y + 14 >svg
		printf "<text x=\"670\" y=\"%d\">%s %s</text>\n", y + 11, short(median[i]), unit[i] >svg
		y += 18
	}
	print "</svg>" >svg
	close(svg)
}

END {
	for (i = 1; i <= nr_facts; i++)
		print fact_name[i] ": " fact_value[i]
	if (last_when != "")
		print "last run: " last_when
	if (nr_results) {
		print ""
		table_results()
	}
	if (nr_counts) {
		print ""
		table_counts()
	}
	write_json()
	if (nr_results)
		write_svg()
}
