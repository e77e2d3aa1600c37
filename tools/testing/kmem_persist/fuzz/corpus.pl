#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# corpus.pl - inputs of the fuzz targets, from text
#
#   corpus.pl expand CORPUS FOLDER
#       CORPUS/TARGET/NAME.hex becomes FOLDER/TARGET/NAME. What is in CORPUS/image is
#       an image: each target that takes images gets it, followed by what that does
#       with it.
#   corpus.pl pack FILE
#       an input as text, to standard output
#
# Lines: "# comment", hex digits with blanks where they please, or "text" in quotes
# with \n, \\ and \"; # begins a comment there, too.
use strict;
use warnings;
use File::Basename;
use File::Path qw(make_path);

sub slurp {
	my ($name) = @_;
	open(my $in, '<:raw', $name) or die "corpus.pl: $name: $!\n";
	local $/;
	return scalar <$in>;
}

sub spew {
	my ($name, $bytes) = @_;
	make_path(dirname($name));
	open(my $out, '>:raw', $name) or die "corpus.pl: $name: $!\n";
	print $out $bytes;
	close($out) or die "corpus.pl: $name: $!\n";
}

sub load {
	my ($name) = @_;
	my $bytes = '';
	my $nr = 0;
	for (split(/\n/, slurp($name))) {
		$nr++;
		if (/^\s*"((?:[^"\\]|\\.)*)"\s*(#.*)?$/) {
			my %to = (n => "\n", '\\' => '\\', '"' => '"');
			$bytes .= $1 =~ s/\\(.)/$to{$1} \/\/ die "corpus.pl: $name: line $nr\n"/ger;
		} elsif (/^([0-9a-f\s]*)(#.*)?$/) {
			$bytes .= pack('H*', $1 =~ s/\s+//gr);
		} else {
			die "corpus.pl: $name: line $nr: '$_'\n";
		}
	}
	return $bytes;
}

# What targets do with an image, behind it.
my %then = (
	map => { '' => pack('H*', '00' . '00000000010400000002020000000306000001020600000001' .
				  '02000000000300000003040000003f0200000004' . '0700000000') },
	tool => { map { ("-$_" => pack('CCC', 0, $_, 1)) } 1 .. 8 },
);

sub expand {
	my ($corpus, $out) = @_;
	for my $name (glob("$corpus/*/*.hex")) {
		my $target = basename(dirname($name));
		my $bytes = load($name);
		if ($target ne 'image') {
			spew("$out/$target/" . basename($name, '.hex'), $bytes);
			next;
		}
		for my $t (keys %then) {
			for my $suffix (keys %{$then{$t}}) {
				spew("$out/$t/" . basename($name, '.hex') . $suffix,
				     $bytes . $then{$t}{$suffix});
			}
		}
	}
}

my $what = shift // '';
if ($what eq 'expand' && @ARGV == 2) {
	expand(@ARGV);
} elsif ($what eq 'pack' && @ARGV == 1) {
	my $bytes = slurp($ARGV[0]);
	print "# SPDX-License-Identifier: GPL-2.0\n";
	print unpack('H*', substr($bytes, 0, 32, '')), "\n" while length($bytes);
} else {
	die "usage: corpus.pl expand CORPUS FOLDER | pack FILE\n";
}
