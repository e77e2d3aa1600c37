# SPDX-License-Identifier: GPL-2.0
# What the checks of the documentation know about C: files of the series, without their
# comments or only their comments, functions, literals. Lines of a .patch count if they
# are added.
package Source;
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(slurp driver_files driver_name code literals calls functions complain finish
		 simple_table table);

my $complaints = 0;

sub slurp {
	my ($path) = @_;
	open(my $fh, '<', $path) or die "$path: $!\n";
	local $/;
	my $text = <$fh>;
	return $text;
}

# complain TEXT: something does not match
sub complain {
	print "$_[0]\n";
	$complaints++;
}

# finish WHAT: says how it went, and is the exit status
sub finish {
	print "$_[0]: ", $complaints ? "$complaints do not match\n" : "all match\n";
	exit($complaints ? 1 : 0);
}

# driver_files TOP: of the series below drivers/dax, tests left out
sub driver_files {
	my ($top) = @_;
	my @files = glob("$top/drivers/dax/{,persist/,persist/blk/,persist/map/}*.[ch] $top/drivers/dax/*.[ch].patch");
	die "$top: no drivers/dax\n" unless @files;
	return @files;
}

# driver_name PATH: below drivers/dax
sub driver_name {
	my ($path) = @_;
	return $path =~ s{.*/drivers/dax/}{}r;
}

# code PATH: its text; of a patch only what is added. Comments become blanks, line by
# line, unless they are wanted.
sub code {
	my ($path, $comments) = @_;
	my $text = slurp($path);
	$text = join("\n", map { /^\+(?!\+\+)(.*)/ ? $1 : '' } split(/\n/, $text))
		if $path =~ /\.patch$/;
	$text =~ s{("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')|(/\*.*?\*/|//[^\n]*)}
		  {$1 // ($comments ? $2 : $2 =~ s/[^\n]/ /gr)}gse;
	return $text;
}

# calls TEXT REGEX: [name, text of the arguments, offset] of each call whose name matches
sub calls {
	my ($text, $regex) = @_;
	my @calls;
	while ($text =~ /\b($regex)(\((?:[^()"]++|"(?:\\.|[^"\\])*+"|(?2))*+\))/g) {
		my ($name, $args, $at) = ($1, $2, $-[0]);
		push @calls, [$name, substr($args, 1, -1), $at];
	}
	return @calls;
}

# literals TEXT: string literals in it; adjacent ones are one
sub literals {
	my ($text) = @_;
	my @literals;
	while ($text =~ /("(?:\\.|[^"\\])*+"(?:\s*"(?:\\.|[^"\\])*+")*+)/g) {
		my $literal = join('', $1 =~ /"((?:\\.|[^"\\])*+)"/g);
		push @literals, $literal =~ s/\\n/\n/gr =~ s/\\"/"/gr;
	}
	return @literals;
}

# functions TEXT: [name, offset, text of the body] of each that is defined there
sub functions {
	my ($text) = @_;
	my @functions;
	while ($text =~ /^(?:[a-z_][\w\s*]*?[\s*])?(\w+)\([^;{}]*\)[^;{}=]*?\n\{(.*?)^\}/gmsi) {
		push @functions, [$1, $-[0], $2];
	}
	return @functions;
}

# rst_tables TEXT: list-tables, as [heading of the first column, [[cell, ...], ...]]
sub rst_tables {
	my ($text) = @_;
	my @tables;
	while ($text =~ /^\.\. list-table::.*\n((?:[ \t]+\S.*\n|\n)+)/gm) {
		my @rows;
		for my $row (split(/^   \* - /m, $1)) {
			$row =~ s/^   :.*\n//gm;
			my @cells = map { s/\s+/ /gr =~ s/^ | $//gr } split(/^     -(?: |$)/m, $row);
			push @rows, \@cells if @cells && $cells[0] ne '';
		}
		my $head = shift @rows;
		push @tables, [$head->[0], \@rows] if $head;
	}
	return @tables;
}

# simple_table TEXT HEADING...: the rows of the simple table with these columns
sub simple_table {
	my ($text, @headings) = @_;
	my $head = join('\s+', @headings);
	unless ($text =~ /^(=+(?: +=+)+)\n$head\n\1\n(.*?)\n\1\n/ms) {
		complain("no table of: @headings");
		return;
	}
	my ($line, $body, @rows) = ($1, $2);
	my @starts;
	push @starts, $-[0] while $line =~ /=+/g;
	for my $line (split(/\n/, $body)) {
		my @cells;
		for my $i (0 .. $#starts) {
			my $width = $i < $#starts ? $starts[$i + 1] - $starts[$i] : length($line);
			my $cell = $starts[$i] < length($line) ? substr($line, $starts[$i], $width) : '';
			push @cells, $cell =~ s/^\s+|\s+$//gr;
		}
		if ($cells[0] ne '') {
			push @rows, \@cells;
		} elsif (@rows) {
			$rows[-1][$_] .= " $cells[$_]" for grep { $cells[$_] ne '' } 0 .. $#cells;
		}
	}
	return @rows;
}

# table TEXT HEADING: the rows of all list-tables whose first column is called that
sub table {
	my ($text, $heading) = @_;
	my @rows = map { @{$_->[1]} } grep { $_->[0] eq $heading } rst_tables($text);
	complain("no table of: $heading") unless @rows;
	return @rows;
}

1;
