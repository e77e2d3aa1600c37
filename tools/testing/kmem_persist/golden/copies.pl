#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# copies.pl IMAGE OFFSET BYTE [NUMBER]: a byte, or many that are alike, in all copies of
# the superblock of a device, checksums right again
use strict;
use warnings;

my ($name, $at, $to, $nr) = @ARGV;

sub crc {
	my $c = 0xffffffff;
	for (unpack('C*', shift)) {
		$c ^= $_;
		$c = $c & 1 ? ($c >> 1) ^ 0x82f63b78 : $c >> 1 for 1 .. 8;
	}
	return ~$c & 0xffffffff;
}

open(my $io, '+<:raw', $name) or die "copies.pl: $name: $!\n";
for my $page (0, 1, 510, 511) {
	seek($io, $page * 4096, 0);
	read($io, my $sb, 4096);
	next unless substr($sb, 0, 8) eq 'SREPMEMK';
	substr($sb, hex($at), $nr // 1) = chr(hex($to)) x ($nr // 1);
	substr($sb, 12, 4) = "\0" x 4;
	substr($sb, 12, 4) = pack('V', crc($sb));
	seek($io, $page * 4096, 0);
	print $io $sb;
}
