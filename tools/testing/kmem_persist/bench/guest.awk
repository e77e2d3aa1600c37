# SPDX-License-Identifier: GPL-2.0
# What guest.sh printed, as lines for report.awk: medians over the rounds, and medians
# of the ratios within a round, with their bars.
#
#   awk -v part=NAME -v per=NS -v unit=UNIT -v iops=NOTE -f guest.awk OUTPUT
#
# per: nanoseconds of the guest per UNIT: with a clock that counts instructions, those
# that one of them takes. iops: what is to be said of operations per second.

# The middle of v[1] to v[n], which get sorted.
function middle(v, n,	i, j, x) {
	for (i = 2; i <= n; i++) {
		x = v[i]
		for (j = i - 1; j && v[j] > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function result(op, what, unit, v, n, bar, note,	median, digits) {
	median = middle(v, n)
	digits = unit == "x" ? "%.4f" : "%.0f"
	printf "result\t%s\t%s\t%s\t%s\t" digits "\t" digits "\t" digits "\t%s\t%s\n", part, op,
		what, unit, median, v[int((n + 3) / 4)], v[n + 1 - int((n + 3) / 4)], bar, note
	return median
}

function bar_of(op, other) {
	if (op == "4 KiB random write")
		return other == "pmem" ? "<= 1.08" : other == "BTT" ? "<= 0.80" : ""
	if (op == "4 KiB random read")
		return other == "pmem" ? "<= 1.08" : ""
	if (op == "1 MiB random write")
		return other == "pmem" ? "<= 1.03" : ""
	if (other == "plain")
		return op ~ /^RAM/ ? "<= 1.01" : "<= 1.05"
	return ""
}

BEGIN {
	FS = "\t"
}

$1 == "fact"

$1 == "cell" {
	if (!($2 in rounds))
		ops[++nr_ops] = $2
	if (!(($2, $3) in rounds)) {
		whats[$2, ++nr_whats[$2]] = $3
		rounds[$2, $3] = 0
	}
	n = ++rounds[$2, $3]
	rounds[$2] = 1
	value[$2, $3, n] = $4 / per
}

END {
	for (o = 1; o <= nr_ops; o++) {
		op = ops[o]
		for (w = 1; w <= nr_whats[op]; w++) {
			what = whats[op, w]
			n = rounds[op, what]
			for (i = 1; i <= n; i++)
				v[i] = value[op, what, i]
			m = result(op, what, unit, v, n, "", "")
			if (n > 1 && m && (v[n] - v[1]) / m > spread) {
				spread = (v[n] - v[1]) / m
				where = op ", " what
			}
			median[what] = m
		}
		for (w = 1; w <= nr_whats[op]; w++) {
			what = whats[op, w]
			n = rounds[op, "kmem"]
			if (what == "kmem" || rounds[op, what] != n)
				continue
			for (i = 1; i <= n; i++)
				v[i] = value[op, what, i] ? value[op, "kmem", i] / value[op, what, i] : 0
			result(op, "kmem / " what, "x", v, n, bar_of(op, what), "")
		}
		if (op ~ /^4 KiB random (write|read)$/) {
			v[1] = median["kmem"] - median["pmem"]
			result(op, "kmem - pmem", unit, v, 1, "", "")
			for (w = 1; w <= nr_whats[op]; w++) {
				v[1] = 1e9 / median[whats[op, w]]
				result(op ", per second", whats[op, w], "IOPS", v, 1, "", iops)
			}
		}
	}
	if (where != "")
		printf "fact\tlargest spread\t%.2f %%, %s\n", spread * 100, where
}
