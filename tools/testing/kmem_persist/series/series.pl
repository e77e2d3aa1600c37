#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# usage: series.pl TOP FILES COMMAND [ARG...]
#
# What the table "order" says about the files of the series, which are in the file FILES, a
# line each:
#
#   check		is it complete, in order, and is nothing named before it is there?
#   actions N		what mail N changes: "section PATCH K", "file PATH", "part PATH"
#   part N PATH		such a file, as it is after mail N
#   message N		what mail N says, as git commit wants it
#   subjects		of all mails, a line each
#   large N LINES	complains if mail N has so many lines without a reason, or a reason in vain
#   cover DIR		what mail 0 says: "cover" and what DIR/sizes says, "N LINES" a line
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../check";
use Source;

my ($top, $files, $command, @args) = @ARGV;
die "usage: series.pl TOP FILES COMMAND [ARG...]\n" unless defined $command;

my $here = 'tools/testing/kmem_persist';
my $limit = 900;		# lines of a mail that has no reason to be larger
my $mails_at_most = 21;
my $kconfig = 'drivers/dax/persist/Kconfig';

my (@mails, @own, %section, %text, %file_of, %rules);

# a pattern of files as a regular expression
sub pattern {
	my ($glob) = @_;
	my $re = join('', map { $_ eq '*' ? '[^/]*' : $_ eq '?' ? '[^/]' : quotemeta } split(//, $glob));
	return $glob =~ m{/$} ? qr/^$re/ : qr/^$re$/;
}

# rule MAIL KIND WORDS: hold, block or until
sub rule {
	my ($n, $kind, $words) = @_;
	my ($glob, $re) = split(/ /, $words, 2);
	my $text;
	if ($kind eq 'until') {
		($re, $text) = split(/ => /, $re, 2);
		$text =~ s/\\t/\t/g;
	}
	my $rule = { mail => $n, kind => $kind, re => qr/^(?:$re)$/, text => $text,
		     words => "$kind $words" };
	# of the files that it may be about, those that it is about
	my $pattern = pattern($glob);
	my @paths = grep { $_ =~ $pattern } @own;
	complain("order: '$kind $words': no such file") unless @paths;
	@paths = grep { grep { $_ =~ $rule->{re} } split(/\n/, slurp("$top/$_")) } @paths;
	push @{$rules{$_}}, $rule for @paths;
	complain("order: '$kind $words': there is no such line") unless @paths;
}

sub read_files {
	for my $path (split(/\n/, slurp($files))) {
		if ($path !~ s/\.patch$//) {
			push @own, $path;
			next;
		}
		my $k = 0;
		for my $section (split(/^(?=Subject: )/m, slurp("$top/$path.patch"))) {
			my ($subject, $words) = $section =~ /\ASubject: ([^\n]*)\n(.*?)^---\n/ms or
				die "$path.patch: a section without a Subject: see check/patches.pl\n";
			push @{$section{$subject}}, [$path, ++$k, $section];
			$text{$subject} = $words if $words =~ /\S/;
		}
	}
}

my %word = map { $_ => 1 } qw(patch also file hold block until test large);

sub read_order {
	my $at = 0;
	for my $line (split(/\n/, slurp("$FindBin::Bin/order"))) {
		$at++;
		next if $line =~ /^#/;
		my $mail = $mails[-1];
		if ($line =~ /^\t(.*)/) {
			$mail->{text} .= "$1\n";
		} elsif ($line eq '') {
			$mail->{text} .= "\n" if $mail;
		} elsif ($line !~ /^(\w+) (.*)$/ || !$word{$1} || ($1 ne 'patch' && !$mail)) {
			complain("order: line $at is nothing that it may be");
		} elsif ($1 eq 'patch') {
			push @mails, { subject => $2, text => '', also => [], file => [],
				       test => [], large => '' };
		} elsif ($1 eq 'also') {
			push @{$mail->{also}}, $2;
		} elsif ($1 eq 'large') {
			$mail->{large} = $2;
		} elsif ($1 eq 'file' || $1 eq 'test') {
			push @{$mail->{$1}}, split(/ /, $2);
		} else {
			rule($#mails, $1, $2);
		}
	}
	# whose each file is
	for my $n (0 .. $#mails) {
		for my $glob (@{$mails[$n]{file}}) {
			my $re = pattern($glob);
			my @found = grep { $_ =~ $re } @own;
			complain("order: 'file $glob': no such file") unless @found;
			for my $path (@found) {
				complain("order: $path is in two mails, $mails[$n]{subject}, and $mails[$file_of{$path}]{subject}")
					if exists $file_of{$path};
				$file_of{$path} = $n;
			}
		}
	}
}

# sections N: those of mail N: [path, number in its PATH.patch, text]
sub sections {
	my ($n) = @_;
	return map { @{$section{$_} // []} } $mails[$n]{subject}, @{$mails[$n]{also}};
}

# content PATH N: one of our files after mail N
my %known;
sub content {
	my ($path, $n) = @_;
	my $whole = $known{$path} //= slurp("$top/$path");
	my @rules = grep { $_->{mail} > $n } @{$rules{$path} // []} or return $whole;
	my ($text, $out) = ('', 0);
	for my $line (split(/\n/, $whole)) {
		$out = 0 if $line =~ /^\S/;
		for my $rule (@rules) {
			next if $line !~ $rule->{re};
			if ($rule->{kind} eq 'until') {
				$line = $rule->{text};
			} else {
				$out = $rule->{kind};
			}
		}
		$text .= "$line\n" unless $out;
		$out = 0 if $out eq 'hold';
	}
	# what stood between what is not there yet
	$text =~ s/\n{3,}/\n\n/g;
	$text =~ s/\n+\z/\n/;
	return $text;
}

# changed N: files of ours that mail N adds, or adds to
sub changed {
	my ($n) = @_;
	my %paths = map { $_ => 1 } grep { $file_of{$_} == $n } keys %file_of;
	for my $path (keys %rules) {
		next unless ($file_of{$path} // 99) < $n;
		$paths{$path} = 1 if grep { $_->{mail} == $n } @{$rules{$path}};
	}
	return sort keys %paths;
}

sub is_there {
	my ($path, $n) = @_;
	return exists $file_of{$path} && $file_of{$path} <= $n;
}

# wrap TEXT: in lines of a mail
sub wrap {
	my ($text) = @_;
	my ($out, $line) = ('', '');
	for my $w (split(/\s+/, $text)) {
		if ($line ne '' && length("$line $w") > 75) {
			$out .= "$line\n";
			$line = '';
		}
		$line .= $line eq '' ? $w : " $w";
	}
	return "$out$line\n";
}

sub message {
	my ($n) = @_;
	my $mail = $mails[$n];
	my (@parts, @fixes);
	for my $subject ($mail->{subject}, @{$mail->{also}}) {
		my $text = $text{$subject} // '';
		push @fixes, $1 if $text =~ s/^(Fixes: [0-9a-f]{12} .*\n)//m;
		$text =~ s/^Fixes: nothing.*\n//m;
		push @parts, $text;
	}
	splice(@parts, 1, 0, join("\n", map { wrap($_) } grep { /\S/ } split(/\n{2,}/, $mail->{text})));
	push @parts, wrap("Tests that run this: " . join(', ', @{$mail->{test}}) . " of $here/tests.");
	push @parts, join('', @fixes);
	s/\A\n+|\n+\z//g for @parts;
	return join("\n\n", $mail->{subject}, grep { $_ ne '' } @parts) . "\n";
}

# check_text PATH TEXT N: what a file names is there
sub check_text {
	my ($path, $text, $n) = @_;
	my ($dir) = $path =~ m{^(.*)/};
	my $subject = $mails[$n]{subject};
	# what kernels compile; the rest is complete when its mail has been applied
	return unless $path =~ m{^(?:drivers|mm|include)/};
	my $code = $text =~ s{/\*.*?\*/}{}gsr;
	for my $name ($code =~ /^#\s*include "([^"]+)"/mg) {
		my $file = "$dir/$name";
		1 while $file =~ s{[^/]+/\.\./}{};
		complain("$path includes $name, which is not there after '$subject'")
			if (exists $file_of{$file} || $dir =~ m{/persist}) && $name !~ m{^(?:\.\./)+(?:bus|dax-private)\.h$} &&
			   !is_there($file, $n);
	}
	complain("$path includes <linux/kmem_persist.h>, which is not there after '$subject'")
		if $code =~ /^#\s*include <linux\/kmem_persist\.h>/m &&
		   !is_there('include/uapi/linux/kmem_persist.h', $n);
	return if $path eq $kconfig;
	my $options = is_there($kconfig, $n) ? content($kconfig, $n) : '';
	my %options = map { $_ => 1 } $code =~ /\bCONFIG_(DEV_DAX_KMEM_\w+)/g;
	for my $option (sort keys %options) {
		(my $name = $option) =~ s/_MODULE$//;
		complain("$path names CONFIG_$name, which is not there after '$subject'")
			unless $options =~ /^config $name$/m;
	}
	return unless $path =~ m{/(?:Makefile|Kbuild)$};
	for my $object ($code =~ m{(?<=[\s=])(?:\$\(DAX_SRC\)/)?([\w/]+)\.o\b}g) {
		next if $code =~ m{^\Q$object\E-(?:y|\$\()}m;
		my $from = $path =~ m{persist/Makefile$} ? 'drivers/dax/persist' : 'drivers/dax';
		my $file = "$from/$object.c";
		complain("$path: $object.o has no source after '$subject'")
			if grep { $_ eq $file } @own and !is_there($file, $n);
		complain("$path: $object.o has no source") if $from =~ /persist/ && !grep { $_ eq $file } @own;
	}
}

sub check {
	my %tests = map { /^([\w-]+) / ? ($1 => 1) : () } split(/\n/, slurp("$top/$here/tests/list"));
	complain(@mails . " mails are more than $mails_at_most") if @mails > $mails_at_most;
	complain("order: $_ is in no mail") for grep { !exists $file_of{$_} } @own;

	my (%mail_of, $feature);
	for my $n (0 .. $#mails) {
		my $mail = $mails[$n];
		for my $subject ($mail->{subject}, @{$mail->{also}}) {
			complain("order: '$subject' is there twice") if exists $mail_of{$subject};
			$mail_of{$subject} = $n;
			complain("order: 'also $subject': no such section")
				if $subject ne $mail->{subject} && !$section{$subject};
		}
		my $message = message($n);
		my $fixes = $message =~ /^Fixes: /m;
		complain("order: '$mail->{subject}' is a fault, and comes after what is none")
			if $fixes && $feature;
		$feature ||= !$fixes;
		my @all = (sections($n), changed($n));
		complain("order: '$mail->{subject}' changes nothing") unless @all;
		complain("order: '$mail->{subject}' does not say why")
			unless ($text{$mail->{subject}} // '') =~ /\S/ || $mail->{text} =~ /\S/;
		complain("order: '$mail->{subject}' has no test") unless @{$mail->{test}};
		complain("order: there is no test $_") for grep { !$tests{$_} } @{$mail->{test}};
		my (undef, @lines) = split(/\n/, $message);
		complain("order: '$mail->{subject}' has a line that is too long: $_")
			for grep { length > 75 && !/^Fixes: / } @lines;
	}
	complain("order: no mail has the sections '$_'") for grep { !exists $mail_of{$_} } sort keys %section;
	return if grep { !exists $mail_of{$_} } keys %section;

	# sections come in the order in which each has to be applied
	my %last;
	for my $list (map { $section{$_} } keys %section) {
		push @{$last{$_->[0]}}, $_ for @$list;
	}
	for my $path (sort keys %last) {
		my $before = 0;
		for my $one (sort { $a->[1] <=> $b->[1] } @{$last{$path}}) {
			my ($subject) = $one->[2] =~ /\ASubject: ([^\n]*)/;
			complain("$path.patch: '$subject' comes later than the order says")
				if $mail_of{$subject} < $before;
			$before = $mail_of{$subject};
		}
	}

	# rules are of use, once
	for my $n (0 .. $#mails) {
		for my $path (changed($n)) {
			check_text($path, content($path, $n), $n);
		}
		for my $one (sections($n)) {
			my ($path, undef, $text) = @$one;
			$text =~ s/\A.*?^---\n//ms;
			check_text($path, join("\n", map { /^[+](?![+][+])(.*)/ ? $1 : () } split(/\n/, $text)), $n);
		}
	}
	for my $path (sort keys %rules) {
		next unless exists $file_of{$path};
		content($path, $file_of{$path});
		for my $rule (@{$rules{$path}}) {
			complain("order: '$rule->{words}': $path comes later")
				if $rule->{mail} <= $file_of{$path} && $rule->{kind} ne 'until';
		}
		for my $line (split(/\n/, $known{$path} // '')) {
			complain("order: $path: two mails want '$line'")
				if grep({ $line =~ $_->{re} } @{$rules{$path}}) > 1;
		}
		complain("order: $path is not whole in the end") if content($path, $#mails) ne $known{$path};
	}
}

# MAINTAINERS: every file of ours, and nothing that is not there
sub check_maintainers {
	my $entry = slurp("$top/MAINTAINERS.patch");
	my @patterns = $entry =~ /^\+F:\t(\S+)$/mg;
	for my $what (qw(L S F)) {
		complain("MAINTAINERS: no $what:") unless $entry =~ /^\+$what:\t\S/m;
	}
	for my $path (@own) {
		complain("MAINTAINERS: no F: for $path") unless grep { $path =~ pattern($_) } @patterns;
	}
	for my $glob (@patterns) {
		complain("MAINTAINERS: F: $glob is no file of ours") unless grep { $_ =~ pattern($glob) } @own;
	}
}

# the design says what is in which mail; for those of mm check/patches.pl looks at that
sub check_design {
	my $design = 'Documentation/driver-api/dax-kmem-persist.rst';
	my ($said) = slurp("$top/$design") =~ /^The series\n=+\n(.*?)^\S[^\n]*\n=+\n/ms;
	my @said = ($said // '') =~ /^(\S[^\n]*)\n  \S/mg;
	my @want = map { $_->{subject} } grep { $_->{subject} !~ m{^mm[:/]} } @mails;
	for my $n (0 .. ($#want > $#said ? $#want : $#said)) {
		my ($one, $two) = ($want[$n] // 'nothing', $said[$n] // 'nothing');
		next if $one eq $two;
		complain("design: '$two' where the order says '$one'");
		last;
	}
}

# the figures of an answer are in the documents that it names
sub check_cover {
	my $answers = 0;
	for my $answer (split(/\n{2,}/, slurp("$FindBin::Bin/cover"))) {
		my @where = $answer =~ m{(Documentation/[\w./-]+\.rst|README\.md)}g;
		my $said = '';
		for my $path (@where) {
			complain("cover: there is no $path") unless -f "$top/$path";
			$said .= slurp("$top/$path") if -f "$top/$path";
		}
		$said =~ s/\s+/ /g;
		(my $words = $answer) =~ s{Documentation/[\w./-]+}{}g;
		$words =~ s/\s+/ /g;
		$answers++ if $words =~ /\d/;
		for my $figure ($words =~ /(?<![\w.-])(\d+(?: \d{3})*(?:\.\d+)?)(?![\w-])/g) {
			complain("cover: $figure is in no document that is named there: '" . substr($words, 0, 60) . "'")
				unless $said =~ /(?<![\w.])\Q$figure\E(?![\w])/;
		}
	}
	complain("cover: it answers nothing") unless $answers;
}

read_files();
read_order();
if ($command eq 'check') {
	check();
	check_maintainers();
	check_design();
	check_cover();
	finish('series');
} elsif ($command eq 'subjects') {
	print "$_->{subject}\n" for @mails;
} elsif ($command eq 'actions') {
	my $n = $args[0] - 1;
	print "section $_->[0].patch $_->[1]\n" for sections($n);
	for my $path (changed($n)) {
		my $part = grep { $_->{mail} > $n || $file_of{$path} < $n } @{$rules{$path} // []};
		print $part ? 'part' : 'file', " $path\n";
	}
} elsif ($command eq 'part') {
	print content($args[1], $args[0] - 1);
} elsif ($command eq 'message') {
	print message($args[0] - 1);
} elsif ($command eq 'large') {
	my ($n, $lines) = @args;
	my $mail = $mails[$n - 1];
	complain("order: '$mail->{subject}' has $lines lines, and does not say why")
		if $lines > $limit && !$mail->{large};
	complain("order: '$mail->{subject}' says why it is large, and has $lines lines")
		if $lines <= $limit && $mail->{large};
	finish("size of mail $n");
} elsif ($command eq 'cover') {
	my @sizes = map { [split / /] } split(/\n/, slurp("$args[0]/sizes"));
	print slurp("$FindBin::Bin/cover"), "\n";
	print "Mails with more than $limit lines, and why:\n\n";
	for my $one (@sizes) {
		my ($n, $lines) = @$one;
		next unless $mails[$n - 1]{large};
		my $text = wrap(sprintf("%d, %d lines: %s", $n, $lines, $mails[$n - 1]{large}));
		$text =~ s/^/  /mg;
		print $text;
	}
} else {
	die "series.pl: no such command: $command\n";
}
