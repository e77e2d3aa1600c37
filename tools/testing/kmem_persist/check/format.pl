#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0
# format.pl TOP: are the tables of the format document those of the headers? Offset and size
# of each field of what is on the media, and of the stream of kmem-persist; bits, types and
# numbers that have a name.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $top = shift // die "usage: format.pl TOP\n";
my $document = slurp("$top/Documentation/driver-api/dax-kmem-persist-format.rst");
my $uapi = code("$top/include/uapi/linux/kmem_persist.h");
my $stream = code("$top/tools/dax/kmem-persist/stream.h");

my $fields = 0;
# Structures in the order in which the document describes them: where its table begins, and
# how many bytes there are in all.
my @structures = (
	['kmem_persist_superblock', $uapi, 0, 4096],
	['kmem_persist_marker', $uapi, 0, 4096],
	['kmem_blk_superblock', $uapi, 0x200, 3584],
	['kmem_blk_directory', $uapi, 0, 4096],
	['kmem_blk_record', $uapi, 0, 256],
	['stream_head', $stream, 0, 104],
	['stream_record', $stream, 0, 32],
);

# tables TEXT, COLUMN...: of all simple tables with these columns, a list of rows for each
sub tables {
	my ($text, @columns) = @_;
	my @tables;
	my $head = join('\s+', @columns);
	while ($text =~ /^=+(?: +=+)+\n$head\n=+(?: +=+)+\n(.*?)\n=+(?: +=+)+\n/gms) {
		push @tables, [grep { /^\S/ } split(/\n/, $1)];
	}
	return @tables;
}

# defined_as NAME: the number that a macro of the headers has
sub defined_as {
	my ($name) = @_;
	return $1
		if "$uapi\n$stream" =~ /^#define\s+$name\s+\(?([0-9a-fx]+)(?:U?L*)\b/mi;
	complain("$name: not in a header");
	return 'nothing';
}

# says WHAT REGEX NUMBER: the document has this number there
sub says {
	my ($what, $regex, $number) = @_;
	if ($document !~ $regex) {
		complain("$what: the document does not say it");
	} elsif ($1 ne $number) {
		complain("$what: the header says $number, the document says $1");
	}
}

my @documented = tables($document, qw(offset size field meaning));
complain(scalar(@documented) . ' tables of fields, wanted: ' . scalar(@structures))
	unless @documented == @structures;
for (@structures) {
	my ($name, $text, $base, $bytes) = @$_;
	my (@wanted, @found);
	push @wanted, [$1, hex($2) + $base]
		while $text =~ /_AT\($name, (\w+), 0x([0-9a-f]+)\);/g;
	complain("$name: nothing pins its fields") unless @wanted;
	my ($struct) = $text =~ /^struct $name \{(.*?)^\};/ms;
	my @members = ($struct // '') =~ /\b(\w+)(?:\[[^\]]*\])?;/g;
	complain("$name: its members are not those that are pinned")
		unless "@members" eq join(' ', map { $_->[0] } @wanted);
	for my $i (0 .. $#wanted) {
		my $end = $i < $#wanted ? $wanted[$i + 1][1] : $base + $bytes;
		$wanted[$i] = sprintf('0x%03x %d %s', $wanted[$i][1], $end - $wanted[$i][1],
				      $wanted[$i][0] =~ s/^zero\d*$/zero/r);
	}
	for (@{shift(@documented) // []}) {
		/^0x([0-9a-f]+) +(\d+) {2}(\w+| )/ or complain("$name: no field: $_"), next;
		push @found, sprintf('0x%03x %d %s', hex($1), $2, $3 eq ' ' ? 'zero' : $3);
	}
	my %wanted = map { $_ => 1 } @wanted;
	my %found = map { $_ => 1 } @found;
	complain("$name: $_: in the header, not in the document") for grep { !$found{$_} } @wanted;
	complain("$name: $_: in the document, not in the header") for grep { !$wanted{$_} } @found;
	$fields += @wanted;
}

# types, bits
my $names = 0;
sub same_names {
	my ($what, $wanted, @rows) = @_;
	my %found;
	for (@rows) {
		$found{$2} = $1 if /^(\d+)(?:\.\.\d*)? +([A-Z_]+)\b/;
	}
	complain("$what: there are none") unless %$wanted;
	for (sort keys %$wanted) {
		complain("$what $_: not in the document, as $wanted->{$_}")
			unless ($found{$_} // '') eq $wanted->{$_};
	}
	for (sort keys %found) {
		complain("$what $_: not in the header") unless exists $wanted->{$_};
	}
	$names += keys %$wanted;
}

my @bits = tables($document, qw(bit name meaning));
same_names('state', { $uapi =~ /^#define KMEM_PERSIST_STATE_(\w+)\s+\(1U << (\d+)\)/gm },
	   map { @$_ } @bits);
my @types = tables($document, qw(type name meaning));
complain(scalar(@types) . ' tables of types, wanted: 2') unless @types == 2;
same_names('entry', { $uapi =~ /^#define KMEM_BLK_ENTRY_([A-Z]+)\s+(\d+)[ \t]*$/gm }, @{$types[0] // []});
my ($enum) = $stream =~ /^enum stream_type \{(.*?)\}/ms;
my ($value, %records) = (0);
for (split(/,\s*/, $enum // '')) {
	/STREAM_(\w+)(?:\s*=\s*(\d+))?/ or next;
	$value = $2 // $value;
	$records{$1} = $value++;
}
same_names('record', \%records, @{$types[1] // []});

# numbers
says('magic', qr/^0x000 +8 +magic +(0x\w+); a format/m, lc defined_as('KMEM_PERSIST_MAGIC'));
says('magic of a marker', qr/^0x000 +8 +magic +(0x\w+)$/m, lc defined_as('KMEM_PERSIST_MARKER_MAGIC'));
my @magics = $document =~ /^0x000 +8 +magic +(0x\w+)$/mg;
complain('magic of a directory: another one') unless ($magics[1] // '') eq lc defined_as('KMEM_BLK_DIRECTORY_MAGIC');
says('records of a directory', qr/^0x00c +4 +nr +records, at most (\d+)$/m, defined_as('KMEM_BLK_MAX_SNAPSHOTS'));
says('version', qr/version_major +(\d+)$/m, defined_as('KMEM_PERSIST_VERSION_MAJOR'));
says('first page of a plugin', qr/^Pages 0 to (\d+) never hold/m, defined_as('KMEM_PERSIST_FIRST_PAGE') - 1);
says('pages of a device', qr/has at least (\d+)\s+pages/, defined_as('KMEM_PERSIST_MIN_PAGES'));
says('node_shift', qr/node_shift +(\d+)$/m, defined_as('KMEM_BLK_NODE_SHIFT'));
my ($places) = $uapi =~ /^#define KMEM_PERSIST_PLACES\s+\{ ([0-9, ]+) \}/m;
says('places', qr/at four places: the 4096 bytes at pages ([0-9, and]+)\b/,
     ($places // '') =~ s/, (\d+)$/ and $1/r);
my ($magic) = $stream =~ /^#define STREAM_MAGIC\s+"(\w+)"/m;
says('magic of a stream', qr/magic +the characters ``(\w+)``/, $magic // 'nothing');
says('version of a stream', qr/this is version (\d+)\./, defined_as('STREAM_VERSION'));
says('version of a stream, in its head', qr/^0x08 +4 +version +(\d+)$/m, defined_as('STREAM_VERSION'));
says('blocks in a record', qr/``nr`` blocks, 1 to (\d+), whose/, defined_as('STREAM_BATCH'));
says('head', qr/^The head, (\d+) bytes:/m, 104);
says('record', qr/^A record, (\d+) bytes:/m, 32);

print "$fields fields, $names names\n";
finish('format');
