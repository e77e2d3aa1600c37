#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# coverage.pl FOLDER: what gcov says about all programs that ran below FOLDER, a line a
# file. A line of a file counts if any of them ran it. Fails if of one of the kernel's
# files fewer than 95 % were run.
use strict;
use warnings;
use File::Find;
use JSON::PP;

my $least = 95;
my @dax = qw(persist/map/entry.h persist/map/map.c persist/map/verify.c persist/map/twins.c persist/format.c persist/request.c);
my (%lines, @data);

find(sub { push @data, $File::Find::name if /\.gcda$/ }, $ARGV[0]);
die "coverage.pl: nothing ran in $ARGV[0]\n" unless @data;
for my $data (sort @data) {
	# as JSON: an object a file of data
	my $text = qx(gcov --json-format --stdout '$data' 2>/dev/null);
	next unless $text;
	my $all = decode_json($text);
	for my $file (@{$all->{files}}) {
		my $path = $file->{file};
		$path = "$all->{current_working_directory}/$path" unless $path =~ m,^/,;
		next unless $path =~ m,/(?:drivers/dax|tools/dax/kmem-persist)/([^/]+\.c|persist/(?:map/)?[^/]+\.c|persist/map/entry\.h)$, ||
			$path =~ m,/(parse_pages\.c)$,;
		my $name = $1;
		$lines{$name}{$_->{line_number}} += $_->{count} for @{$file->{lines}};
	}
}

my $bad = 0;
my ($all, $all_hit) = (0, 0);
sub report {
	my ($name, $wanted) = @_;
	my $l = $lines{$name};
	my @missed = sort { $a <=> $b } grep { !$l->{$_} } keys %$l;
	my $nr = keys %$l;
	my $hit = $nr - @missed;
	my $percent = $nr ? 100 * $hit / $nr : 0;
	printf "%-24s %4d of %4d lines %6.1f %%%s\n", $name, $hit, $nr, $percent,
		@missed ? "   not: " . join(' ', @missed[0 .. ($#missed > 59 ? 59 : $#missed)]) .
			  (@missed > 60 ? ' ...' : '') : '';
	$bad = 1 if $wanted && $percent < $least;
	$all += $nr;
	$all_hit += $hit;
}
report($_, 1) for @dax;
my %is_dax = map { $_ => 1 } @dax;
report($_, 0) for grep { !$is_dax{$_} } sort keys %lines;
printf "%-24s %4d of %4d lines %6.1f %%\n", 'all', $all_hit, $all, 100 * $all_hit / $all;
print "less than $least % of a file of the kernel\n" if $bad;
exit $bad;
