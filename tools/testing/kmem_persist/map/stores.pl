#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# stores.pl DAX PASSED WORLD...: is all that stores an operation of the crash search?
#
# DAX: drivers/dax. PASSED: what "crash --passed" and "family --passed" print, places in the
# source that their operations came by. WORLD: sources of the operations. Wanted:
#  - The map is stored to in persist/map/map.c and persist/map/twins.c, and nowhere else.
#  - Each copy, store, write back and fence in them was come by.
#  - Each call of them that stores, itself or through others, is made by an operation, or by
#    another of them.
use strict;
use warnings;

my ($dax, $passed, @worlds) = @ARGV;
my $failed = 0;

sub fault {
	print "  @_\n";
	$failed = 1;
}

sub slurp {
	my ($file) = @_;

	open(my $in, '<', $file) or die "$file: $!\n";
	local $/;
	my $text = <$in>;
	# Comments go, their lines stay.
	$text =~ s{(/\*.*?\*/)}{$1 =~ s/[^\n]//gr}gse;
	return $text;
}

my %passed;
foreach (split /\n/, slurp($passed)) {
	$passed{$_} = 1;
}

foreach my $file (glob("$dax/persist/{blk,map}/*.c")) {
	fault("$file: stores to the map") if $file !~ m{/map/(?:map|twins)\.c$} && slurp($file) =~ /\bkmem_media_store\s*\(/;
}

my ($name, %calls, %stores, %is_static, %in);
foreach my $file (qw(map twins member)) {
	my ($start, $nr) = ('', 0);

	foreach (split /\n/, slurp("$dax/persist/map/$file.c")) {
		$nr++;
		if (/^[a-z]/) {
			$start = $_;
		} elsif ($_ eq '{' && $start =~ /(\w+)\(/) {
			$name = $1;
			$is_static{$name} = $start =~ /^static/;
			$in{$name} = $file;
		} elsif ($_ eq '}') {
			undef $name;
		}
		next unless defined $name;
		$calls{$name}{$1} = 1 while /\b(\w+)\s*\(/g;
		while (/\bkmem_media_(copy|store|wb|fence)\s*\(/g) {
			my $what = $1 eq 'wb' ? 'write back' : $1;

			$stores{$name} = 1;
			fault("$name():$nr: no operation comes by this $what")
				unless delete $passed{"$name:$nr $what"};
		}
	}
}
die "nothing stores\n" unless keys %stores >= 5;

my $more = 1;
while ($more) {
	$more = 0;
	foreach my $f (keys %calls) {
		next if $stores{$f} || !grep { $stores{$_} } keys %{$calls{$f}};
		$stores{$f} = $more = 1;
	}
}
my $operations = join('', map { slurp($_) } @worlds);
# What one file has for another one is no operation: that is who calls it.
my @ops = sort grep {
	my $f = $_;
	!$is_static{$f} && !grep { $in{$_} ne $in{$f} && $calls{$_}{$f} } keys %calls;
} keys %stores;
foreach my $f (@ops) {
	fault("$f(): no operation calls it") unless $operations =~ /\b$f\s*\(/;
}
print "  stores: ", scalar(keys %stores), " functions, ", scalar(@ops), " of them calls: @ops\n";
print $failed ? "not ok" : "ok", " 1 - stores: all that stores is an operation of the search\n";
print $failed ? "0 passed, 1 failed\n" : "1 passed, 0 failed\n";
exit $failed;
