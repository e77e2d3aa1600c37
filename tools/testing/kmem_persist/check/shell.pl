#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0
# shell.pl TOP: are there lines in the scripts of the tests that look as if something
# was checked, and nothing is? In one command, $? behind $(...) is the status of that,
# not of the command before; and some checks cannot fail. Guests' scripts that stand in
# a test are read, too, which shellcheck does not do.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $top = shift // die "usage: shell.pl TOP\n";
my $dir = "$top/tools/testing/kmem_persist";

# late($text): is there a $? behind a substitution in one of the commands of a line?
# $text is consumed; called for what is inside of $(...), too, to its end.
sub late {
	my ($text, $inside) = @_;
	my ($ran, $late, $quoted, $depth) = (0, 0, 0, 0);

	while (length $$text) {
		if ($$text =~ s/^\\.//s) {
			next;
		} elsif ($$text =~ s/^\$\(\(//) {	# a number
			my $open = 2;
			while ($open && length $$text) {
				if ($$text =~ s/^\$\((?!\()//) {
					$late |= late($text, 1);
					$ran = 1;
				} else {
					$$text =~ s/^(.)//s;
					$open++ if $1 eq '(';
					$open-- if $1 eq ')';
				}
			}
		} elsif ($$text =~ s/^[\$<>]\(//) {
			my $what = $&;
			$late |= late($text, 1);
			$ran = 1 if $what eq '$(';
		} elsif ($$text =~ s/^`[^`]*`//) {
			$ran = 1;
		} elsif ($$text =~ s/^\$(\?|\{\?\})//) {
			$late = 1 if $ran;
		} elsif ($$text =~ s/^"//) {
			$quoted = !$quoted;
		} elsif ($quoted) {
			$$text =~ s/^.//s;
		} elsif ($$text =~ s/^'[^']*'//) {
			next;
		} elsif ($$text =~ s/^(?:;|&&?|\|\|?|\n)//) {
			$ran = 0;
		} elsif ($$text =~ s/^\(//) {
			$depth++;
			$ran = 0;
		} elsif ($$text =~ s/^\)//) {
			return $late if $inside && !$depth;
			$depth-- if $depth;
			$ran = 0;
		} else {
			$$text =~ s/^.//s;
		}
	}
	return $late;
}

# hidden($text): does what a check prints go somewhere else?
sub hidden {
	my ($text) = @_;

	return 0 unless $text =~ /^\s*(?:check|same|alike|between|refused|follows|accounted)\s/;
	$text =~ s/'[^']*'|"(?:\\.|\$\((?:[^()]|\([^()]*\))*\)|[^"\\])*"|\$\((?:[^()]|\([^()]*\))*\)//gs;
	# text that goes on on the next line
	$text =~ s/["'].*//s;
	return $text =~ /(?:^|[^0-9<>&])1?>/ || $text =~ /[^|]\|[^|]/;
}

my @files = map { glob "$dir/$_" } qw(tests/* lib/*.sh cmd/*.sh tool/*.sh guest/*.sh guest/init
	demo/*.sh bench/*.sh golden/*.sh map/*.sh fuzz/*.sh);
my $lines = 0;
for my $path ("$top/run", @files) {
	next unless -f $path;
	my @lines = split /\n/, slurp($path);
	$lines += @lines;
	my $name = $path =~ s{^\Q$top\E/}{}r;
	for (my $i = 0; $i < @lines; $i++) {
		my ($line, $text) = ($i + 1, $lines[$i]);
		next if $text =~ /^\s*#/;
		$text .= "\n" . $lines[++$i] while $text =~ s/\\$// && $i < $#lines;
		my $rest = $text;
		my $at = "$name:$line";
		complain("$at: \$? is the status of what stands in \$(...)") if late(\$rest, 0);
		complain("$at: this check cannot fail")
			if $text =~ /^\s*check\s.*["'\w]\s+(?:true|:)\s*$/s ||
			   $text =~ /^\s*check\s.*\|\|\s*(?:true|:)["']?\s*$/s;
		complain("$at: what this check finds is not printed") if hidden($text);
		complain("$at: [ -n ] without quotes is true") if $text =~ /\[ -n \$/;
		complain("$at: until_true waits for less than a minute: a slow machine is no fault")
			if $text =~ /\buntil_true\s+[1-5]?\d\s/;
		complain("$at: until_true looks at the same value all the time: eval '...'")
			if $text =~ /\buntil_true\s+\S+\s+(?!eval)[^|&;]*?\$\((?!\()/;
		complain("$at: two that cannot be read are the same: alike")
			if $text =~ /^\s*same\s+"[^"]*"\s+"\$\((?!\().*"\s+"\$\((?!\()/;
	}
}
complain('there are no scripts') unless $lines;
print "$lines lines\n";
finish('shell');
