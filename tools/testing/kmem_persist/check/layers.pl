#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0
# layers.pl TOP [OBJECTS]: does each file of the driver know only what it may, according to
# drivers/dax/persist/layers? What it includes, and what it uses: the functions that it names, or,
# with the folder of its objects, the symbols that these need. And does the documentation's map of
# parts have each of them?
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my ($top, $objects) = @ARGV;
die "usage: layers.pl TOP [OBJECTS]\n" unless defined $top;
my $dax = "$top/drivers/dax";

my (%rank, %apart, %plugin, %api, %pure, %header, %private, %known, %met);
for (split(/\n/, slurp("$dax/persist/layers"))) {
	s/#.*//;
	my ($what, @names) = split(' ') or next;
	if ($what eq 'rank') {
		my $n = shift @names;
		$rank{$_} = $n for @names;
	} elsif ($what eq 'known') {
		my $name = shift(@names) =~ s/:$//r;
		$known{$name}{$_} = 1 for @names;
	} elsif ($what eq 'private') {
		$private{"$names[1]->$names[2]"} = $names[0];
	} else {
		my $set = { apart => \%apart, plugin => \%plugin, api => \%api, pure => \%pure,
			headers => \%header }->{$what} or die "drivers/dax/persist/layers: what is $what?\n";
		$set->{$_} = 1 for @names;
	}
}

# name PATH: from drivers/dax/persist
sub name {
	my ($path) = @_;
	1 while $path =~ s{[^/]+/\.\./}{};
	return $path =~ m{.*/persist/(.*)} ? $1 : $path =~ s{.*/}{../}r;
}

# part NAME: the part that a file belongs to, '' for none
sub part {
	my ($stem) = $_[0] =~ m{(.*)\.[cho]$};
	return $stem if exists $rank{$stem} || $plugin{$stem};
	my $folder = $stem =~ s{/.*}{/*}r;
	return $plugin{$folder} ? $folder : '';
}

# is_known A WHAT: part A does what it should not, and that is known
sub is_known {
	$met{$_[0]}{$_[1]} = 1;
	return $known{$_[0]}{$_[1]};
}

# uses A B WHERE: part A uses part B
my %edges;
sub uses {
	my ($from, $to, $where) = @_;
	return if $from eq '' || $to eq '' || $from eq $to || $edges{$from}{$to};
	$edges{$from}{$to} = $where;
	if ($plugin{$from}) {
		return if $api{$to} || (!$plugin{$to} && $rank{$to} == 0) || is_known($from, $to);
		complain("$where: $to is none of a plugin's business");
	} elsif ($plugin{$to}) {
		complain("$where: nobody may know plugin $to") unless is_known($from, $to);
	} elsif ($rank{$to} > $rank{$from}) {
		complain("$where: $to is above $from") unless is_known($from, $to);
	} elsif ($rank{$to} == $rank{$from} && $apart{$rank{$to}}) {
		complain("$where: $to is beside $from") unless is_known($from, $to);
	}
}

my (%code, %owner);
# .c first: a header may have a stub of the same name, and persist/off.c is one
my @files = sort { substr($a, -1) cmp substr($b, -1) || $a cmp $b } grep { /\.[ch]$/ } driver_files($top);
for my $path (@files) {
	my $file = name($path);
	$code{$file} = code($path);
	complain("$file: in no layer") if part($file) eq '';
	for (functions($code{$file})) {
		my ($name, $at) = @$_;
		my $static = substr($code{$file}, $at) =~ /^static\b/;
		$owner{$name} //= $file if !$static || $file =~ /\.h$/;
	}
}
for my $file (sort keys %code) {
	my $part = part($file) or next;
	my $dir = "$dax/persist/$file" =~ s{[^/]*$}{}r;
	while ($code{$file} =~ /^#\s*include\s+(["<])([^">]+)[">]/gm) {
		uses($part, part(name("$dir$2")), "$file: includes $2") if $1 eq '"' && $code{name("$dir$2")};
		complain("$file: <$2> is not for what builds in userspace, too")
			if $1 eq '<' && ($pure{$part} || $pure{$file =~ s/\..$//r}) && !$header{$2};
	}
	for my $member (sort keys %private) {
		my ($var, $name) = split(/->/, $member);
		next unless $part ne $private{$member} && $code{$file} =~ /\b$var(?:->|\.)$name\b/;
		complain("$file: $member is $private{$member}'s own") unless is_known($part, $member);
	}
}

# symbols WHAT OBJECT: names in the list of nm
sub symbols {
	my ($what, $object) = @_;
	open(my $nm, '-|', 'nm', '-P', $what, $object) or die "nm: $!\n";
	my @names = map { (split(' '))[0] } <$nm>;
	close($nm) or die "$object: nm fails\n";
	return @names;
}

if ($objects) {
	my @objects = grep { part(name($_)) && $code{name($_) =~ s/o$/c/r} } glob("$objects/{,persist/,persist/*/}*.o");
	die "$objects: not the objects of the driver\n" if @objects < 10;
	my %defined;
	for my $object (@objects) {
		for (symbols('--defined-only', $object)) {
			$defined{$_} = $object if /^_*(?:dax_)?kmem_\w+$|^dax_\w+$/ && !/^__(?:pfx|SC|mod)_/;
		}
	}
	for my $object (@objects) {
		my $file = name($object);
		uses(part($file), part(name($defined{$_})), "$file: needs $_")
			for grep { $defined{$_} && $defined{$_} ne $object } symbols('-u', $object);
	}
} else {
	for my $file (sort keys %code) {
		# a header names what it declares: only its bodies use something
		my $text = $file =~ /\.h$/ ? join("\n", map { $_->[2] } functions($code{$file})) : $code{$file};
		my %words = map { $_ => 1 } $text =~ /\b([a-z_]\w+)\b/g;
		uses(part($file), part($owner{$_}), "$file: needs $_")
			for grep { $owner{$_} && $owner{$_} ne $file } sort keys %words;
	}
}

# circles: those between ranks are found above
my %state;
sub visit {
	my ($part, @way) = @_;
	$state{$part} = 1;
	for my $next (sort keys %{$edges{$part}}) {
		next if $known{$part}{$next} || $plugin{$part} || $rank{$next} != $rank{$part};
		if (($state{$next} // 0) == 1) {
			complain('circle: ' . join(' -> ', @way, $part, $next) . ", $edges{$part}{$next}");
		} elsif (!$state{$next}) {
			visit($next, @way, $part);
		}
	}
	$state{$part} = 2;
}
visit($_) for grep { !$state{$_} } sort keys %rank;

for my $part (sort keys %known) {
	for my $what (sort keys %{$known{$part}}) {
		# what is above, or private; or what would close a circle
		next if $met{$part}{$what} || ($edges{$part}{$what} && ($rank{$what} // -1) == ($rank{$part} // -2));
		complain("known: $part does nothing wrong with $what any more: strike it out");
	}
}
# the map of parts in the documentation
my $doc = slurp("$top/Documentation/driver-api/dax-kmem-persist.rst");
my %mapped = map { $_ => 1 } $doc =~ m{^``persist/([\w./]+)``}gm;
for my $file (grep { /\.c$/ && $code{$_} && !m{^\.\./} } sort keys %code) {
	complain("$file: not in the documentation's map of parts")
		unless $mapped{$file} || $mapped{$file =~ s/c$/h/r};
}
for my $file (sort keys %mapped) {
	complain("the documentation's map of parts has $file, which is not there") unless $code{$file};
}

my $nr = 0;
$nr += keys %{$known{$_}} for keys %known;
print scalar(keys %rank), " parts, $nr findings that are known\n";
finish('layers');
