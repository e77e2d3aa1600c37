#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0
# 20-plain.cook.pl START STEP: what a guest has recorded (raw), so that it can be compared
# with that of another kernel: memory as the difference to START, without what is by
# chance. A line begins with what it is about.
use strict;
use warnings;

my %was;

# numbers($file): how much memory there is where
sub numbers {
	my %n;
	my $zone = '';

	open(my $in, '<', shift) or die;
	while (<$in>) {
		if (m{^/proc/meminfo:MemTotal:\s+(\d+)}) {
			$n{total} = $1;
		} elsif (/meminfo:Node (\d+) MemTotal:\s+(\d+)/) {
			$n{"node$1"} = $2;
		} elsif (m{^/proc/zoneinfo:Node (\d+), zone\s+(\S+)}) {
			$zone = "node$1 $2";
		} elsif (m{^/proc/zoneinfo:\s+(spanned|present|managed|min)\s+(\d+)$} &&
			 ($1 ne 'min' || $zone =~ /Movable/)) {
			$n{"$zone $1"} = $2;
		}
	}
	return %n;
}

my ($start, $step) = @ARGV;
%was = numbers($start);
my %now = numbers($step);
my (@lines, @ordered);
push @lines, "memory: $_ " . ($now{$_} - ($was{$_} // 0)) for keys %now;
open(my $in, '<', $step) or die;
while (<$in>) {
	chomp;
	s{/sys/bus/dax/devices/}{};
	if (s{^/proc/iomem:}{}) {
		# in the order of addresses, as a tree
		push @ordered, "iomem: $_" unless / : Kernel /;
	} elsif (m{^/proc/|^/sys/devices/system/node/node\d+/meminfo}) {
		next;
	} elsif (s{^/sys/bus/nd/devices/(?=region)}{}) {
		push @lines, "region: $_";
	} elsif (s{^/sys/module/kmem/parameters}{.}) {
		push @lines, "module: $_";
	} elsif (s{^/sys/devices/system/memory/}{} || s{^node of /sys/devices/system/memory/}{}) {
		push @lines, "block: $_";
	} elsif (s{^/sys/devices/system/node/}{}) {
		push @lines, "node: $_";
	} elsif (s{^file /sys/bus/dax/drivers/}{}) {
		push @lines, "driver: $_";
	} elsif (s{^file (dax[\d.]+)/}{} || s{^(dax[\d.]+)/}{./}) {
		my $dev = $1;
		s/ $//;
		# minor numbers are in the order in which NVDIMMs are found
		push @lines, "device $dev: $_" unless m{/uevent:MINOR=};
	} elsif (s/^\[[^]]*\] //) {
		# without the number of pages, and KUnit's own lines when kmem is loaded
		s/Total pages: .*//;
		push @ordered, "log: $_" if /dax|kmem|memory|[Nn]ode|zone/ && !/^ *(#|ok [0-9])/;
	} else {
		# somebody could not read something
		push @lines, "else: $_";
	}
}
print map { "$_\n" } sort(@lines), @ordered;
