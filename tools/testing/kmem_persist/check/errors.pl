#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0
# errors.pl TOP: is every line that the drivers print, every reason for which a device is
# held, and every errno that a user can meet in the administrator's guide, and nothing
# else? Who meets which errno is in errno.list.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $top = shift // die "usage: errors.pl TOP\n";
my $guide = slurp("$top/Documentation/admin-guide/mm/dax-kmem-persist.rst");

# one form for formats of printk and for what stands in the guide: <> for what varies
sub form {
	my ($text) = @_;
	$text =~ s/%%/%/g;
	$text =~ s/%[-#0 +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:ll|l|h|z)?(?:p[A-Za-z]*|[a-z])/<>/g;
	$text =~ s/<[^<>]*>/<>/g;
	return $text =~ s/\s+/ /gr =~ s/^ | $//gr;
}

sub quoted {
	return map { form($_) } ($_[0] // '') =~ /``(.*?)``/g;
}

# What is there, by kind, and where
my (%code, %words, %errno);
my %blk = (AGAIN => 'EAGAIN', INVAL => 'EINVAL', IOERR => 'EIO', MEDIUM => 'ENODATA',
	   NOSPC => 'ENOSPC', NOTSUPP => 'EOPNOTSUPP', RESOURCE => 'ENOMEM');
my $loud = qr/(?:dev|pr)_(?:emerg|alert|crit|err|warn)\w*/;
my $quiet = qr/(?:dev|pr)_(?:notice|info|cont)\w*/;
my @kinds = (
	[line => $loud], [news => $quiet],
	[reason => qr/kmem_persist_hold|kmem_identity_hold|kmem_persist_because/],
);

for my $path (driver_files($top)) {
	my $name = driver_name($path);
	next if $name =~ /_kunit\.h$/;
	my $text = code($path);

	for my $kind (@kinds) {
		for my $call (calls($text, $kind->[1])) {
			# what was found before there was a device
			next if $call->[1] =~ /^kp, "%s", id->reason$/;
			# where it is declared
			next if $call->[1] =~ /const char \*fmt/;
			my ($format) = literals($call->[1]);
			if (defined $format) {
				$code{$kind->[0]}{form($format)} = $name;
			} else {
				complain("$name: $call->[0]() prints what cannot be checked");
			}
		}
	}
	# state, reason and the log are one: there is one place that makes a device held
	for (functions($text)) {
		complain("$name: $_->[0]() holds a device, and does not say why")
			if $_->[2] =~ /->state = KMEM_PERSIST_HELD\b/ &&
			   $_->[2] !~ /dev_warn\([^;]*: %s\\n",\s*kp->reason\)/;
	}
	# all text in these files is about what was found
	if ($name =~ m,^persist/(?:map/\w+\.[ch]|format\.c)$,) {
		$words{$_} = $name for literals($text =~ s/^#.*//gmr);
	}
	$words{$_} = $name
		for $text =~ /\.(?:field|object|reason) = "((?:\\.|[^"\\])*)"/g;

	$errno{$name}{$_} = 1 for $text =~ /-(E[A-Z0-9]+)\b/g;
	for ($text =~ /\bBLK_STS_([A-Z]+)/g) {
		$errno{$name}{$blk{$_} // "BLK_STS_$_"} = 1 unless $_ eq 'OK';
	}
	$errno{$name}{EIO} = 1 if $text =~ /\bbio_io_error\(/;
	$errno{$name}{EAGAIN} = 1 if $text =~ /\bbio_wouldblock_error\(/;
	$errno{$name}{EINVAL} = 1 if $text =~ /\bkstrto\w+\(/;
	$errno{$name}{ERANGE} = 1 if $text =~ /\bkstrto(?!bool)\w+\(/;
	$errno{$name}{EINTR} = 1 if $text =~ /_(?:interruptible|killable)\(/;
}

# what the guide says
my (%doc, %doc_words, %doc_errno);
my @bind = (table($guide, 'error when binding'), table($guide, 'error of a change'));
my @bind_kmem = table($guide, 'error of kmem');
my @file = table($guide, 'file');
my @disk = table($guide, 'error of the disk');
my @reason = table($guide, 'reason');
for (@bind) {
	$doc{line}{$_} = 1 for quoted($_->[1]);
}
for ([line => 'line in the log'], [news => 'news in the log'], [reason => 'reason']) {
	my ($kind, $heading) = @$_;
	for my $row (table($guide, $heading)) {
		complain("guide: no remedy: $row->[0]") unless length($row->[1] // '');
		$doc{$kind}{$_} = 1 for quoted($row->[0]);
	}
}
for my $row (table($guide, 'word')) {
	$doc_words{$_} = 1 for $row->[0] =~ /``(.*?)``/g;
}
for ([bind => 0, @bind, @bind_kmem], [file => 1, @file], [disk => 0, @disk], [held => 1, @reason]) {
	my ($who, $column, @rows) = @$_;
	for my $row (@rows) {
		complain("guide: no cause: $row->[0] $row->[1]")
			if $who ne 'held' && !length($row->[2] // '');
		$doc_errno{$who}{$_} = 1 for $row->[$column] =~ /\b(E[A-Z]{2,})\b/g;
	}
}

for my $kind (sort keys %code) {
	for (sort keys %{$code{$kind}}) {
		complain("$code{$kind}{$_}: not in the guide, as a $kind: $_") unless $doc{$kind}{$_};
	}
}
for my $kind (sort keys %doc) {
	for (sort keys %{$doc{$kind}}) {
		complain("guide: not in the code, as a $kind: $_") unless $code{$kind}{$_};
	}
}
for (sort keys %words) {
	complain("$words{$_}: not in the guide, as a word: $_") unless $doc_words{$_};
}
for (sort keys %doc_words) {
	complain("guide: not in the code, as a word: $_") unless $words{$_};
}

# every errno has somebody who meets it, or a reason why there is nobody
my (%met, $entries);
for (split(/\n/, slurp("$FindBin::Bin/errno.list"))) {
	next if /^#/ || !/\S/;
	my ($name, $errno, $who) = /^(\S+)\s+(E[A-Z]+)\s+(- \S.*|(?:bind|file|disk|held)(?: (?:bind|file|disk|held))*)$/ or do {
		complain("errno.list: not understood: $_");
		next;
	};
	$entries++;
	complain("errno.list: $name has no $errno any more")
		unless $name eq 'elsewhere' || delete $errno{$name}{$errno};
	next if $who =~ /^-/;
	for (split(/ /, $who)) {
		$met{$_}{$errno} = 1;
		complain("$name: $errno is not in the guide, for: $_") unless $doc_errno{$_}{$errno};
	}
}
for my $name (sort keys %errno) {
	complain("$name: $_ is not in errno.list") for sort keys %{$errno{$name}};
}
for my $who (sort keys %doc_errno) {
	for (sort keys %{$doc_errno{$who}}) {
		complain("guide: nobody meets $_, for: $who") unless $met{$who}{$_};
	}
}

print scalar(keys %{$code{line}}), " lines, ", scalar(keys %{$code{news}}), " news, ",
	scalar(keys %{$code{reason}}), " reasons, ", scalar(keys %words), " words, $entries errnos\n";
finish('errors');
