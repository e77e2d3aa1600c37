#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# hex.pl - images as text: what is not zero, or not as in another image
#
#   hex.pl expand NAME.hex IMAGE          the base, if it has one, is beside it
#   hex.pl pack IMAGE [BASE.hex] <TEXT    to standard output; TEXT becomes comments
#
# Lines: "# comment", "size BYTES", "base NAME.hex", "OFFSET HEX...".
use strict;
use warnings;
use File::Basename;

my $line = 32;

sub load {
	my ($name) = @_;
	my $image;
	open(my $in, '<', $name) or die "hex.pl: $name: $!\n";
	while (<$in>) {
		chomp;
		next if /^(#|$)/;
		if (/^size (\d+)$/) {
			$image = "\0" x $1;
		} elsif (/^base (\S+)$/) {
			$image = load(dirname($name) . "/$1");
		} elsif (/^([0-9a-f]+) ([0-9a-f]+)$/ && defined $image &&
			 hex($1) + length($2) / 2 <= length($image)) {
			substr($image, hex($1), length($2) / 2) = pack('H*', $2);
		} else {
			die "hex.pl: $name: line $.: '$_'\n";
		}
	}
	return $image;
}

sub pack_image {
	my ($name, $base) = @_;
	open(my $in, '<:raw', $name) or die "hex.pl: $name: $!\n";
	my $image = do { local $/; <$in> };
	my $old;
	if ($base) {
		$old = load($base);
		print "base ", basename($base), "\n";
	} else {
		$old = "\0" x length($image);
		print "size ", length($image), "\n";
	}
	for (my $at = 0; $at < length($image); $at += $line) {
		my $part = substr($image, $at, $line);
		next if $part eq substr($old, $at, $line);
		printf "%08x %s\n", $at, unpack('H*', $part);
	}
}

my $what = shift // '';
if ($what eq 'expand' && @ARGV == 2) {
	my $image = load($ARGV[0]);
	open(my $out, '>:raw', $ARGV[1]) or die "hex.pl: $ARGV[1]: $!\n";
	print $out $image;
	close($out) or die "hex.pl: $ARGV[1]: $!\n";
} elsif ($what eq 'pack' && (@ARGV == 1 || @ARGV == 2)) {
	print "# SPDX-License-Identifier: GPL-2.0\n";
	print "# $_" while <STDIN>;
	pack_image(@ARGV);
} else {
	die "usage: hex.pl expand NAME.hex IMAGE | pack IMAGE [BASE.hex]\n";
}
