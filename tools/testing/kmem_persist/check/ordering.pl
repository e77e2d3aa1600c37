#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0
# ordering.pl TOP [--list]: does each call that stores to the media, and each fence, say
# which rule it obeys and who its partner is? Are the rules defined, do the partners
# exist, and is the list in Documentation/driver-api/dax-kmem-persist.rst that of the
# code? --list prints it.
#
# A comment counts for the calls behind it up to the next such comment, blank line or
# end of the function:
#
#   Ordering: R1, pairs with the fence in f() or g(); R2, with the free below
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $top = shift // die "usage: ordering.pl TOP [--list]\n";
my $list = @ARGV && $ARGV[0] eq '--list';
my $media = qr/kmem_media_(?:copy(?:_past)?|store|wb|fence)/;

# what a function has to do to be such a partner
my %does = (
	copy => qr/kmem_media_copy(?:_past)?\(/,
	fence => qr/kmem_media_fence\(/,
	store => qr/kmem_media_store\(/,
	flush => qr/flush\(/,
	free => qr/(?:free|retire|bury)\w*\(/,
	give => qr/_give\w*\(/,
);

my (%body, %files);
for my $path (driver_files($top)) {
	my $name = driver_name($path);
	# the other one is where a region is reached without any of us: dax_region_ops
	next if $name eq 'persist/media.h' || $name eq 'pmem.c.patch';
	complain("$name: reaches the media past persist/media.h")
		if code($path) =~ /\b(?:memcpy_flushcache|arch_wb_cache_pmem|pmem_wmb)\(/;
	next if $name =~ /\.patch$/;
	$files{$name} = code($path, 1);
	$body{$_->[0]} = $_->[2] for functions(code($path, 0));
}

# one annotation: [[rule, partner], ...], or nothing if it makes no sense
sub parse {
	my ($text, $where, $before, $after) = @_;
	my @rules;
	my $verb = 'pairs with';
	for my $part (split(/; /, $text)) {
		my ($rule, $what, $place) =
			$part =~ /^(R\d+), $verb the (\w+) (above|below|in .*)$/ or do {
			complain("$where: not understood: $part");
			return;
		};
		$verb = '(?:pairs )?with';
		my $does = $does{$what} or do {
			complain("$where: no such partner: $what");
			return;
		};
		if ($place eq 'above' || $place eq 'below') {
			complain("$where: there is no $what $place")
				unless ($place eq 'above' ? $before : $after) =~ $does;
		} else {
			for my $function ($place =~ /(\w+)\(\)/g) {
				complain("$where: there is no $function()") unless exists $body{$function};
				complain("$where: no $what in $function()")
					if exists $body{$function} && $body{$function} !~ $does;
			}
			complain("$where: not understood: $place")
				unless $place =~ /^in (?:\w+\(\), )*\w+\(\)(?: or \w+\(\))?$/;
		}
		push @rules, [$rule, "$what $place"];
	}
	return @rules;
}

my @rows;
for my $name (sort keys %files) {
	my $covered = 0;
	for my $function (functions($files{$name})) {
		my ($function_name, undef, $text) = @$function;
		my $open;
		# comments, blank lines and calls, in order
		while ($text =~ m{(/\*.*?\*/)|\n[ \t]*(?=\n)|\b($media)\(}gs) {
			my ($comment, $call, $start, $end) = ($1, $2, $-[0], $+[0]);
			my $where = "$name: $function_name()";
			if (defined $comment) {
				my $flat = $comment =~ s/\s+\*?\/?\s*/ /gr;
				next unless $flat =~ /Ordering: (.*?)(?:\.(?: .*)?)? ?(?:\*\/)?$/;
				complain("$where: no call behind: $1") if $open && !@{$open->[2]};
				my @rules = parse($1, $where, substr($text, 0, $start), substr($text, $end));
				$open = [$name, $function_name, [], \@rules];
				push @rows, $open;
			} elsif (defined $call) {
				$covered++;
				if ($open) {
					my $kind = $call =~ s/.*_//r;
					push @{$open->[2]}, $kind unless grep { $_ eq $kind } @{$open->[2]};
				} else {
					complain("$where: $call() says nothing about its ordering");
				}
			} elsif ($open) {
				complain("$where: no call behind an annotation") unless @{$open->[2]};
				$open = undef;
			}
		}
		complain("$name: $function_name(): no call behind the last annotation")
			if $open && !@{$open->[2]};
	}
	# none of them may hide where no function was seen
	my $all = () = code("$top/drivers/dax/$name", 0) =~ /\b$media\(/g;
	complain("$name: $all calls, but $covered in functions") if $all != $covered;
}

# as in the documentation: a row per rule
my @code;
for my $row (@rows) {
	push @code, [$row->[0], "$row->[1]()", join(', ', @{$row->[2]}), @$_] for @{$row->[3]};
}

# What waits for a fence, and the fence, know each other. (R2 and R3 are about what
# comes after a fence, which need not be a store, and a copy is before it.)
my (%pairs, %backs);
for my $row (grep { $_->[3] =~ /^R[16]$/ && $_->[4] =~ / in / } @code) {
	my ($what, @functions) = ($row->[4] =~ /^(\w+)/, $row->[4] =~ /(\w+\(\))/g);
	$pairs{"$row->[3]: the store in $row->[1] and the fence in $_"} = 1
		for grep { $what eq 'fence' && $row->[2] =~ /store/ } @functions;
	$backs{"$row->[3]: the store in $_ and the fence in $row->[1]"} = 1
		for grep { $what eq 'store' } @functions;
}
for (sort keys %pairs) {
	complain("only the store says that they are a pair: $_") unless $backs{$_};
}
for (sort keys %backs) {
	complain("only the fence says that they are a pair: $_") unless $pairs{$_};
}
if ($list) {
	# one simple table of reStructuredText
	my $line = join('  ', map { '=' x $_ } 27, 16, 4, 38) . "\n";
	my $file = '';
	print $line, sprintf("%-27s  %-16s  %-4s  %s\n", qw(in call rule partner)), $line;
	for my $row (@code) {
		print "*$row->[0]*\n" if $row->[0] ne $file;
		$file = $row->[0];
		my @partner = $row->[4] =~ /\G(.{1,38})(?: |$)/g;
		printf "%-27s  %-16s  %-4s  %s\n", @$row[1 .. 3], shift @partner;
		print ' ' x 53, $_, "\n" for @partner;
	}
	print $line;
	exit 0;
}

my $format = slurp("$top/Documentation/driver-api/dax-kmem-persist-format.rst");
my %defined = map { $_ => 1 } $format =~ /^(R\d+), \S.*\n  \S/gm;
my %used = map { $_->[3] => 1 } @code;
for (sort keys %used) {
	complain("$_ is not defined in dax-kmem-persist-format.rst") unless $defined{$_};
}

my (@doc, $file);
for my $row (simple_table(slurp("$top/Documentation/driver-api/dax-kmem-persist.rst"),
			  qw(in call rule partner))) {
	if ($row->[0] =~ /^\*(.*)\*$/) {
		$file = $1;
	} else {
		push @doc, [$file // '?', @$row];
	}
}
my @want = map { join(' | ', @$_) } @code;
my @have = map { join(' | ', map { $_ // '' } @$_) } @doc;
my (%want, %have);
$want{$_}++ for @want;
$have{$_}++ for @have;
for (sort keys %want) {
	complain("in the code, not in the list: $_") if $want{$_} > ($have{$_} // 0);
}
for (sort keys %have) {
	complain("in the list, not in the code: $_") if $have{$_} > ($want{$_} // 0);
}
complain("the list is not in the order of the code")
	if @want == @have && "@want" ne "@have" && "@{[sort @want]}" eq "@{[sort @have]}";
print scalar(@rows), " annotations, ", scalar(@want), " rows\n";
finish('ordering');
