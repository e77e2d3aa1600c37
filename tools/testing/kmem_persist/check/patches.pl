#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# usage: patches.pl TOP
#
# Each PATH.patch is made of sections, one for each patch of the series that changes PATH:
#
#	Subject: subsystem: what is different
#
#	why; and
#	Fixes: 0123456789ab ("title of the commit with the fault"), or
#	Fixes: nothing: what it is instead
#	---
#	--- a/PATH
#	...
#
# Sections with the same Subject in several files are one patch: the text is in one of
# them. What mm is changed for is in the design document, Subject by Subject and file by file.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $top = shift // die "usage: patches.pl TOP\n";
my $design = "$top/Documentation/driver-api/dax-kmem-persist.rst";
my (%texts, %files);

chomp(my @patches = qx(cd "$top" && find Documentation drivers include mm tools *.patch -name '*.patch' 2>/dev/null));
die "$top: no patches\n" unless @patches;
for my $patch (sort @patches) {
	(my $path = $patch) =~ s/\.patch$//;
	my ($none, @sections) = split(/^(?=Subject: )/m, slurp("$top/$patch"));
	if ($none !~ /^Subject: /) {
		complain("$patch: does not begin with a Subject");
	} else {
		unshift @sections, $none;
	}
	for my $section (@sections) {
		my ($subject, $text, $diff) =
			$section =~ /\ASubject: ([^\n]*)\n(.*?)^---\n(--- .*)\z/ms;
		if (!defined $diff) {
			complain("$patch: a section without a diff");
			next;
		}
		complain("$patch: '$subject' is not 'subsystem: what is different'")
			unless $subject =~ m{^[\w/-]+: \S} && length($subject) <= 90;
		complain("$patch: '$subject': not one diff of $path")
			unless join(' ', $diff =~ /^(?:---|\+\+\+) [ab]\/(\S+)$/mg) eq "$path $path";
		push @{$files{$subject}}, $path;
		next unless $text =~ /\S/;
		complain("$patch: '$subject' has text in another file, too") if $texts{$subject}++;
		my @fixes = $text =~ /^Fixes: (.*)$/mg;
		complain("$patch: '$subject': no Fixes, nor why there is none")
			unless @fixes == 1 && $fixes[0] =~ /^(?:[0-9a-f]{12} \(".+"\)|nothing: \S.*)$/;
	}
}
complain("'$_' has no text in any file") for grep { !$texts{$_} } sort keys %files;

# what is said about mm
my ($said) = slurp($design) =~ /^What changes in mm\n=+\n(.*?)^\S[^\n]*\n=+\n/ms;
complain('design: no section "What changes in mm"') unless $said;
$said //= '';
for my $subject (sort keys %files) {
	next unless $subject =~ m{^mm[/:]} || grep { m{^mm/} } @{$files{$subject}};
	my @mm = grep { m{^(mm|include)/} } @{$files{$subject}};
	my ($entry) = $said =~ /^\Q$subject\E\n((?:  .*\n|\n(?=  ))+)/m;
	if (!$entry) {
		complain("design: nothing about '$subject'");
		next;
	}
	for my $path (@mm) {
		(my $name = $path) =~ s{^(mm|include/linux)/}{};
		complain("design: '$subject': nothing about $name") unless $entry =~ /``\Q$name\E``/;
	}
}
finish('patches');
