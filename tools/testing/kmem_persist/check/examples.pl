#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0
# examples.pl TOP: is every example of the documentation either run by a test, or does it
# say why not? Each block of code has a comment before it:
#
#	.. run: GROUP			<!-- run: GROUP -->
#	.. file: GROUP PATH		<!-- file: GROUP PATH -->
#	.. not run: REASON		<!-- not run: REASON -->
#
# Lines of a block that begin with "# " or "$ " are commands, those below them what they
# print. A "file" is one that the block is the content of. What is run is run by a test
# that has "# examples: GROUP..." in its head.
#
# examples.pl TOP script GROUP...: the examples of these groups as lines for bash, one after
# the other as they stand in the documents, see tests/69-cookbook.sh:
#
#	example WHERE COMMAND [REGEX]...	each line that it has to print, in order
#	example_file WHERE PATH TEXT
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $top = shift // die "usage: examples.pl TOP [script GROUP...]\n";
my $mode = shift // 'check';
my @documents = ('README.md', map { "Documentation/admin-guide/mm/dax-kmem-persist$_.rst" }
		 '', '-cookbook', '-stacking');
my $reason = 12;	# letters that a reason has at least

# blocks NAME: [line, marker or undef, [line of text, ...]] of each block of code
sub blocks {
	my ($name) = @_;
	my @lines = split /\n/, slurp("$top/$name");
	my ($md, $marker, $at, @blocks) = ($name =~ /\.md$/);
	for (my $i = 0; $i < @lines; $i++) {
		my $line = $lines[$i];
		my $comment = $md ? qr/<!-- ((?:not )?run|file): (.*) -->/ :
				    qr/\.\. ((?:not )?run|file): (.*)/;
		if ($line =~ /^\s*$comment$/) {
			complain("$name:" . ($i + 1) . ": no block follows $at") if $marker;
			($marker, $at) = ([$1, $2], $i + 1);
			# a comment may go on, more indented
			while (!$md && ($lines[$i + 1] // '') =~ /^\s+(\S.*)$/) {
				$marker->[1] .= " $1";
				$i++;
			}
			next;
		}
		my @text;
		my $begin = $i + 1;
		if ($md) {
			next unless $line =~ /^\s*```/;
			while (++$i < @lines && $lines[$i] !~ /^\s*```/) {
				push @text, $lines[$i];
			}
		} else {
			next if $line !~ /::$/ || $line =~ /^\s*\.\. /;
			my ($indent) = $line =~ /^(\s*)/;
			while ($i + 1 < @lines && $lines[$i + 1] =~ /^(?:$indent\s+\S|\s*$)/) {
				push @text, $lines[++$i];
			}
			pop @text while @text && $text[-1] eq '';
			shift @text while @text && $text[0] eq '';
			next unless @text;
		}
		my ($indent) = map { length } sort { length($a) <=> length($b) }
			       map { /^(\s*)\S/ ? $1 : () } @text;
		push @blocks, [$begin, $marker, [map { length($_) ? substr($_, $indent) : '' } @text]];
		undef $marker;
	}
	complain("$name:$at: no block follows") if $marker;
	return @blocks;
}

# commands TEXT...: [command, [line, ...]]; nothing if there is none
sub commands {
	my @commands;
	while (@_) {
		my $line = shift;
		if ($line =~ /^[#\$] (.*)/) {
			my $command = $1;
			$command .= "\n" . shift while $command =~ /\\$/ && @_;
			push @commands, [$command, []];
		} elsif (@commands && $line ne '') {
			push @{$commands[-1][1]}, $line;
		}
	}
	return @commands;
}

# shape LINE: a regex for what differs from machine to machine: numbers, sizes, UUIDs
sub shape {
	my ($line) = @_;
	my $hex = '[0-9a-f]';
	my $regex = '';
	while (length $line) {
		if ($line =~ s/^$hex{8}(-$hex{4}){3}-$hex{12}//) {
			$regex .= "$hex\{8}(-$hex\{4}){3}-$hex\{12}";
		} elsif ($line =~ s/^0x$hex+//) {
			$regex .= "0x$hex+";
		} elsif ($line =~ s/^$hex{32}//) {
			$regex .= "$hex\{32}";
		} elsif ($line =~ s/^[0-9]+(\.[0-9]+)?//) {
			$regex .= '[0-9]+([.][0-9]+)?';
		} elsif ($line =~ s/^[KMGT]iB//) {
			$regex .= '[KMGT]iB';
		} elsif ($line =~ s/^\.\.\.//) {
			$regex .= '.*';
		} elsif ($line =~ s/^\s+//) {
			$regex .= ' +';
		} else {
			my $char = substr($line, 0, 1, '');
			$regex .= $char =~ /[\\^]/ ? "\\$char" : $char =~ /\w/ ? $char : "[$char]";
		}
	}
	return "^ *$regex *\$";
}

sub quote {
	my ($text) = @_;
	return "'" . $text =~ s/'/'\\''/gr . "'";
}

# which test runs which group
my %tests;
for my $path (glob "$top/tools/testing/kmem_persist/tests/[0-9]*.sh") {
	my $text = slurp($path);
	while ($text =~ /^# examples: (.*)$/gm) {
		$tests{$_} = $path for split ' ', $1;
	}
}

my ($ran, $not, %found) = (0, 0);
my %wanted = map { $_ => 1 } @ARGV;
for my $name (@documents) {
	my $short = $name =~ s{.*/}{}r;
	for my $block (blocks($name)) {
		my ($line, $marker, $text) = @$block;
		if (!$marker) {
			complain("$name:$line: an example that is not run, and does not say why");
			next;
		}
		my ($kind, $word) = @$marker;
		if ($kind eq 'not run') {
			complain("$name:$line: that is no reason: $word")
				if ($word =~ tr/a-zA-Z//) < $reason;
			$not++;
			next;
		}
		$ran++;
		my ($group, $path) = split ' ', $word, 2;
		$found{$group} = 1;
		complain("$name:$line: no test runs $group") unless $tests{$group};
		if ($kind eq 'file') {
			complain("$name:$line: which file?") unless ($path // '') =~ m{^/\S+$};
			print "example_file ", quote("$short:$line"), " ", quote($path), " ",
			      quote(join("\n", @$text) . "\n"), "\n" if $wanted{$group};
			next;
		}
		my @commands = commands(@$text);
		complain("$name:$line: there is no command in it") unless @commands;
		next unless $wanted{$group};
		print "example ", join(' ', map { quote($_) } "$short:$line", $_->[0],
				       map { shape($_) } @{$_->[1]}), "\n" for @commands;
	}
}
for my $group (sort keys %tests) {
	complain("$tests{$group}: there is no example called $group") unless $found{$group};
}
if ($mode eq 'script') {
	complain("no such examples: $_") for grep { !$found{$_} } sort keys %wanted;
} else {
	complain('there are no examples') unless $ran;
	print "$ran blocks are run, $not say why they are not\n";
	finish('examples');
}
