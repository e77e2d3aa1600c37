#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# mutate.pl list FILE...: all mutants of C files, one a line: name, line, sum, the line(s)
#   before and after, between tabs.
# mutate.pl apply NAME FILE: the file with that mutant in it, to standard output.
#
# A mutant is one small mistake. Its name is FILE:FUNCTION:KIND:N, the N-th of its kind in
# that function; its sum is of the lines before and after, so that a name that means
# something else after a change of the file is noticed. Kinds:
#   negate    a condition of an if, while or ?: is the other way round
#   operator  another one: < <= > >= == != && || + - += -= << >> & | |= &= ++ --
#   count     a constant that is one larger
#   return    an error becomes success, success an error, a pointer NULL; and "err = ..."
#   drop      a call, guard, or assignment to memory is left out; what writes and is part
#             of an expression is as if it had written
#   swap      two statements one after the other, of which one is a call, are swapped
#
# Left alone is what is not there to be noticed by a program: log lines, trace points,
# assertions, hints to the processor, cond_resched().
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);

my $QUIET = qr/(?:(?:dev|pr)_(?:emerg|alert|crit|err|warn|notice|info|dbg|printk)\w*|trace_\w+
	|WARN\w*|VM_WARN\w*|BUILD_BUG\w*|static_assert|assert|lockdep_\w+|might_\w+|cond_resched\w*
	|prefetch\w*|kunit_\w+|EXPORT_\w+|fprintf|perror|data_race|__bad_\w+
	|va_start|va_end)/x;
# the order of these matters to other processors or to a crash
my $ORDER = qr/(?:kmem_media_\w+|smp_\w+|WRITE_ONCE|rcu_\w+|atomic\w*|spin_\w+|mutex_\w+|guard
	|wake_\w+|set_bit|clear_bit\w*|complete\w*|queue_\w+)/x;

# they write to a device or a file, and return 0 or what they wrote
my $WRITES = qr/(?:kmem_sb_(?:put|write\w*|erase|restore)|kmem_persist_write_marker|p?write|fsync|msync
	|ftruncate|repair_superblock\w*|image_(?:flush|sync|clear_marker))/x;

# Comments, strings and the preprocessor's lines become blanks: positions stay.
sub masked {
	my ($text) = @_;

	$text =~ s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')}{
		my $m = $1;
		my $q = substr($m, 0, 1);
		if ($q eq '/') {
			$m =~ s/[^\n]/ /g;
		} else {
			$m = $q . ('x' x (length($m) - 2)) . $q;
		}
		$m}gse;
	$text =~ s{^([ \t]*#(?:[^\n]*\\\n)*[^\n]*)}{$1 =~ s/[^\n]/ /gr}gme;
	return $text;
}

# Where the parenthesis that opens at $at closes, or -1.
sub closes {
	my ($m, $at) = @_;
	my $depth = 0;

	pos($$m) = $at;
	while ($$m =~ /[()]/g) {
		$depth += $& eq '(' ? 1 : -1;
		return pos($$m) - 1 unless $depth;
	}
	return -1;
}

# Where the condition of a ?: begins that ends at $at.
sub begins {
	my ($m, $at) = @_;
	my $depth = 0;

	while ($at > 0) {
		my $before = substr($$m, $at > 8 ? $at - 8 : 0, $at > 8 ? 8 : $at);
		my $c = substr($before, -1);

		if ($c eq ')' || $c eq ']') {
			$depth++;
		} elsif ($c eq '(' || $c eq '[') {
			last unless $depth--;
		} elsif (!$depth) {
			last if $c =~ /[;{},?:]/ || $before =~ /\breturn $/;
			last if $c eq '=' && $before !~ /[=!<>]=$/ && substr($$m, $at, 1) ne '=';
		}
		$at--;
	}
	substr($$m, $at) =~ /^\s*/;
	return $at + $+[0];
}

# Name, type, begin and end of the body of all functions.
sub functions {
	my ($m) = @_;
	my ($start, $at, $from, @found) = ('', 0);

	foreach my $line (split /(?<=\n)/, $$m) {
		if ($line =~ /^[A-Za-z_]/) {
			$start = $line;
		} elsif ($line eq "{\n" && $start !~ /=|^(?:struct|enum|union)\s+\w+\s*$/) {
			$from = $at + 2;
		} elsif ($line =~ /^}/ && defined $from) {
			while ($start =~ /\b(\w+)\(/g) {
				my $name = $1;

				next if $name =~ /^__(?:printf|attribute)/;
				push @found, [ $name, substr($start, 0, $-[0]), $from, $at ];
				last;
			}
			undef $from;
		}
		$at += length($line);
	}
	return @found;
}

# Statements that are calls or assignments to memory: begin, end, is it a call, its name.
sub statements {
	my ($m, $from, $to) = @_;
	my @found;

	pos($$m) = $from;
	while ($$m =~ /^([ \t]+)([*\w][^;{}\n]*)/gm) {
		my $begin = $-[2];

		last if $begin >= $to;
		my $text = $2;
		my $next = $+[0];
		substr($$m, 0, $begin) =~ /([;{})]|\w:|\belse)\s*\z/ or next;
		if ($text =~ /^(\w+)\s*\(/) {
			my ($name, $p) = ($1, $begin + length($1));

			next if $name =~ /^(?:if|while|for|switch|return|do|sizeof|case|else|goto|\w*for_each\w*)$/;
			my $end = closes($m, index($$m, '(', $begin));
			while ($end >= 0 && substr($$m, $end + 1) =~ /^(\s*)\(/) {
				$end = closes($m, $end + 1 + length($1));
			}
			next if $end < 0;
			if ($name =~ /^scoped_(?:cond_)?guard$/) {
				push @found, [ $begin, $end + 1, 0, $name ];
			} elsif (substr($$m, $end + 1, 1) eq ';') {
				push @found, [ $begin, $end + 2, 1, $name ];
			}
			pos($$m) = $next;
		} else {
			my $end = index($$m, ';', $begin);
			my $all = substr($$m, $begin, $end + 1 - $begin);

			next if $all =~ /[{}]/;
			$all =~ /^(\*?[\w.>\[\]()+-]+(?:\s*-\s*[\w.>\[\]]+)*)\s*(?:[-+|&^]|<<|>>)?=[^=]/ ||
				$all =~ /^((?:\+\+|--)?[\w.>\[\]-]+?)(?:\+\+|--)?;/ or next;
			my $lvalue = $1;
			next unless $lvalue =~ /^\*|->|\.|\[/;
			push @found, [ $begin, $end + 1, 0, '=' ];
		}
	}
	return @found;
}

my %OTHER = ('<' => '<=', '<=' => '<', '>' => '>=', '>=' => '>', '==' => '!=', '!=' => '==',
	'&&' => '||', '||' => '&&', '+' => '-', '-' => '+', '+=' => '-=', '-=' => '+=',
	'<<' => '>>', '>>' => '<<', '&' => '|', '|' => '&', '|=' => '&=', '&=' => '|=',
	'*' => '+', '/' => '*', '%' => '/');

# All mutants of a text: kind, function, begin, end, what takes its place.
sub mutants {
	my ($text) = @_;
	my $masked = masked($text);
	my $m = \$masked;
	my @found;

	foreach my $f (functions($m)) {
		my ($name, $type, $from, $to) = @$f;
		my $add = sub {
			my ($kind, $begin, $end, $new) = @_;

			push @found, [ $kind, $name, $begin, $end, $new ];
		};
		my @quiet;
		my @stmts = statements($m, $from, $to);
		foreach my $s (@stmts) {
			push @quiet, [ $s->[0], $s->[1] ] if $s->[3] =~ /^$QUIET$/;
		}
		pos($$m) = $from;
		while ($$m =~ /\b($QUIET)\s*\(/g) {
			last if $-[0] >= $to;
			my ($b, $e) = ($-[0], closes($m, $+[0] - 1));

			push @quiet, [ $b, $e ] unless $e < 0;
			pos($$m) = $b + 1;
		}
		my $is_quiet = sub {
			my ($at) = @_;

			return scalar grep { $at >= $_->[0] && $at < $_->[1] } @quiet;
		};

		pos($$m) = $from;
		while ($$m =~ /\b(?:if|while)\s*\(/g) {
			last if $-[0] >= $to;
			my ($b, $next) = ($+[0], $+[0]);
			my $e = closes($m, $b - 1);

			pos($$m) = $next;
			next if $is_quiet->($b) || substr($$m, $b, $e - $b) =~ /^[01]$/;
			my $cond = substr($text, $b, $e - $b);
			$add->('negate', $b, $e, $cond =~ /^!\w+\z/ ? substr($cond, 1) : "!($cond)");
		}
		pos($$m) = $from;
		while ($$m =~ /[\w)\]] \? /g) {
			last if $-[0] >= $to;
			my $e = $-[0] + 1;
			my $next = $+[0];
			my $b = begins($m, $e);

			pos($$m) = $next;
			my $cond = substr($text, $b, $e - $b);
			next if $is_quiet->($b) || $cond =~ /\n/;
			$add->('negate', $b, $e, "!($cond)");
		}

		pos($$m) = $from;
		while ($$m =~ /(?<=[\w)\]"'])(?: |\n\t*)(<=|>=|==|!=|&&|\|\||\+=|-=|<<|>>|\|=|&=|[<>+\-&|*\/%])(?=[ \n])/g) {
			last if $-[0] >= $to;
			my ($b, $e) = ($-[1], $+[1]);

			next if $is_quiet->($b);
			$add->('operator', $b, $e, $OTHER{substr($$m, $b, $e - $b)});
		}
		pos($$m) = $from;
		while ($$m =~ /(\+\+|--)/g) {
			last if $-[0] >= $to;
			$add->('operator', $-[1], $+[1], $1 eq '++' ? '--' : '++') unless $is_quiet->($-[1]);
		}

		pos($$m) = $from;
		while ($$m =~ /(?<![\w.])(0x[0-9a-fA-F]+|\d+)(U?L{0,2})\b/g) {
			last if $-[0] >= $to;
			my ($b, $e, $n, $u) = ($-[0], $+[0], $1, $2);

			next if $is_quiet->($b);
			# that is "return"
			next if substr($$m, 0, $b) =~ /\breturn -?\z/ && substr($$m, $e, 1) eq ';';
			$add->('count', $b, $e, ($n =~ /^0x/ ? sprintf('0x%x', hex($n) + 1) : $n + 1) . $u);
		}

		my $is_bool = $type =~ /\bbool\s*$/;
		my $is_ptr = $type =~ /\*\s*$/;
		pos($$m) = $from;
		while ($$m =~ /\breturn\s+([^;]+);/g) {
			last if $-[0] >= $to;
			my ($b, $e) = ($-[1], $+[1]);
			my $what = substr($text, $b, $e - $b);
			my $new = $is_bool ? ($what eq 'true' ? 'false' : $what eq 'false' ? 'true' : "!($what)") :
				$is_ptr ? ($what eq 'NULL' ? undef : 'NULL') :
				$what eq '0' ? ($type =~ /\bint\s*$/ && $type !~ /unsigned/ ? '-5' : '1') :
				$what =~ /^-?[\w.>-]+$/ ? '0' : "(($what), 0)";
			$add->('return', $b, $e, $new) if defined $new;
		}
		pos($$m) = $from;
		while ($$m =~ /^\s*(?:int )?(?:err|ret|rc|error) = ([^;{}]+);/gm) {
			last if $-[0] >= $to;
			my ($b, $e) = ($-[1], $+[1]);
			my $what = substr($text, $b, $e - $b);

			next if $what eq '0';
			$add->('return', $b, $e, $what =~ /^-?\w+$/ ? '0' : "(($what), 0)");
		}

		# what is written by a call in an expression: as if it had been
		pos($$m) = $from;
		while ($$m =~ /\b($WRITES)\s*\(/g) {
			last if $-[0] >= $to;
			my ($b, $what, $next) = ($-[0], $1, $+[0]);
			my $e = closes($m, $next - 1);

			pos($$m) = $next;
			next if $e < 0 || grep { $_->[0] == $b } @stmts;
			my @args = split /,\s*/, substr($text, $next, $e - $next);
			$add->('drop', $b, $e + 1, $what =~ /^p?write$/ ? "(ssize_t)($args[2])" : '0');
		}
		foreach my $s (@stmts) {
			next if $is_quiet->($s->[0]);
			$add->('drop', $s->[0], $s->[1], $s->[3] =~ /^scoped_/ ? 'if (1)' : ';');
		}
		for (my $i = 0; $i + 1 < @stmts; $i++) {
			my ($a, $b) = @stmts[$i, $i + 1];
			my $between = substr($text, $a->[1], $b->[0] - $a->[1]);

			next unless $between =~ /^\n[ \t]*\z/;
			next if $is_quiet->($a->[0]) || $is_quiet->($b->[0]);
			next if "$a->[3] $b->[3]" =~ /scoped_|^k?v?free k?v?free$/;
			# one statement behind an if or else is not a neighbour
			my ($i1) = substr($text, 0, $a->[0]) =~ /\n([ \t]*)\z/;
			next if !defined $i1 || "\n$i1" ne $between;
			my ($s1, $s2) = map { substr($text, $_->[0], $_->[1] - $_->[0]) } $a, $b;
			next unless ($a->[2] && $b->[2]) || "$s1$s2" =~ /\b$ORDER\s*\(/;
			# behind "if (x)" without braces
			next if substr($$m, 0, $a->[0]) =~ /(?:\)|\belse)\s*\z/;
			$add->('swap', $a->[0], $b->[1], "$s2$between$s1");
		}
	}
	my %rank = (negate => 0, operator => 1, count => 2, return => 3, drop => 4, swap => 5);
	return sort { $a->[2] <=> $b->[2] || $rank{$a->[0]} <=> $rank{$b->[0]} } @found;
}

# [ name, line, sum, before, after, begin, end, new, function's sum ]
sub all {
	my ($file) = @_;

	open(my $in, '<', $file) or die "$file: $!\n";
	my $text = do { local $/; <$in> };
	my $base = $file =~ s,.*/([^/]+/),$1,r;
	my (%nr, %sum);
	my $masked = masked($text);
	foreach my $f (functions(\$masked)) {
		$sum{$f->[0]} = substr(md5_hex($f->[1], substr($text, $f->[2], $f->[3] - $f->[2])), 0, 8);
	}
	return map {
		my ($kind, $func, $begin, $end, $new) = @$_;
		my $from = rindex($text, "\n", $begin - 1) + 1;
		my $to = index($text, "\n", $end - 1);
		my $before = substr($text, $from, $to - $from);
		my $after = substr($text, $from, $begin - $from) . $new . substr($text, $end, $to - $end);

		s/\s+/ /g, s/^ // foreach $before, $after;
		[ "$base:$func:$kind:" . ++$nr{"$func:$kind"}, 1 + (substr($text, 0, $begin) =~ tr/\n//),
		  substr(md5_hex("$before=>$after"), 0, 8), $before, $after, $begin, $end, $new, $sum{$func} ];
	} mutants($text);
}

sub apply {
	my ($name, $file) = @_;
	my ($found) = grep { $_->[0] eq $name } all($file) or die "$file has no mutant $name\n";

	open(my $in, '<', $file) or die "$file: $!\n";
	my $text = do { local $/; <$in> };
	substr($text, $found->[5], $found->[6] - $found->[5]) = $found->[7];
	return $text;
}

unless (caller) {
	my $what = shift(@ARGV) // '';

	if ($what eq 'list') {
		foreach my $file (@ARGV) {
			print join("\t", @$_[0 .. 4]), "\n" foreach all($file);
		}
	} elsif ($what eq 'apply' && @ARGV == 2) {
		print apply(@ARGV);
	} else {
		die "usage: mutate.pl list FILE... | apply NAME FILE\n";
	}
}
1;
