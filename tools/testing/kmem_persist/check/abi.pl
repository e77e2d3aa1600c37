#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0
# abi.pl TOP: is everything that users see by name in the documentation, and is there
# nothing else? Files in sysfs with their modes and what stands in them, module
# parameters, options of Kconfig, tracepoints, uevents.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $top = shift // die "usage: abi.pl TOP\n";
my $docs = "$top/Documentation";
my $guide = slurp("$docs/admin-guide/mm/dax-kmem-persist.rst");
my $abi = slurp("$docs/ABI/testing/sysfs-bus-dax-persist") . slurp("$docs/ABI/testing/sysfs-block-kmem");
my %source = map { driver_name($_) => code($_) } driver_files($top);

# same WHAT CODE WHERE DOC: two sets of names
sub same {
	my ($what, $code, $where, $doc) = @_;
	for (sort keys %$code) {
		complain("$what $_: not in $where") unless exists $doc->{$_};
		complain("$what $_: the code says $code->{$_}, $where says $doc->{$_}")
			if exists $doc->{$_} && $code->{$_} ne $doc->{$_};
	}
	for (sort keys %$doc) {
		complain("$what $_: in $where, not in the code") unless exists $code->{$_};
	}
	complain("$what: there are none") unless %$code;
	return scalar(keys %$code);
}

sub set {
	return { map { $_ => '' } @_ };
}

my @counts;
sub count {
	my ($what, $n) = @_;
	push @counts, "$n $what";
}

# Files: mode by name
my %files;
my $persist = '/sys/bus/dax/devices/daxX.Y';
for ($source{'persist/sysfs.c'}) {
	$files{"$persist/persist/$2"} = $1 while /^KMEM_PERSIST_ATTR_(R[OW]|WO)\((\w+)\);/gm;
	$files{"$persist/persist/$1"} = 'RO' while /^KMEM_PERSIST_(?:USAGE|COUNTER|ERROR)_ATTR\((\w+)[,)]/gm;
	$files{"$persist/persist"} = '' if /\.name = "persist",\s*\.attrs = /;
	# who has defined one has not yet made it
	my %made = map { $_ => 1 } /^\t&kmem_persist_attr_(\w+)\.attr\.attr,$/gm;
	for my $file (map { m{/persist/(\w+)$} } keys %files) {
		complain("attribute $file: in no group") unless $made{$file};
	}
	# one value a file
	for my $call (calls($_, qr/sysfs_emit/)) {
		my ($format) = literals($call->[1]);
		complain("a file of more than one value: $format")
			if ($format // '') =~ /\n./s || ($format // '') =~ /%\S* %/;
	}
}
$files{"$persist/$2"} = $1 while $source{'bus.c.patch'} =~ /DEVICE_ATTR_(?:ADMIN_)?(R[OW]|WO)\((\w+)\);/g;
for ($source{'persist/blk/disk.c'}) {
	my %mode = map { $_ => 'RO' } /^KMEM_BLK_COUNTER\((\w+)\);/gm;
	$mode{$2} = $1 while /^static DEVICE_ATTR_(R[OW]|WO)\((\w+)\);/gm;
	while (/struct attribute \*(\w+)\[\] = \{(.*?)\};/gs) {
		my ($array, $names) = ($1, $2);
		my ($dir) = /\.name = "(\w+)",\s*\.attrs = $array,/;
		$dir = defined $dir ? "$dir/" : '';
		$files{"/sys/block/kmem<N>/$dir$_"} = delete $mode{$_} // 'no mode'
			for $names =~ /dev_attr_(\w+)\.attr/g;
	}
	complain("attribute $_: in no group") for sort keys %mode;
}
for ($source{'persist/blk/view.c'}) {
	$files{"/sys/block/kmem<N>s<ID>/$2"} = $1 while /^static DEVICE_ATTR_(R[OW]|WO)\((\w+)\);/gm;
}

my %parameters;
for (['kmem', 'kmem.c.patch'], ['kmem_blk', 'persist/blk/disk.c'],
	['kmem_persist', 'persist/take.c']) {
	my ($module, $file) = @$_;
	for my $call (calls($source{$file}, qr/module_param(?:_named|_cb|_string)?/)) {
		my ($name) = $call->[1] =~ /^\s*(\w+),/;
		my ($mode) = $call->[1] =~ /,\s*(0\d+)\s*$/;
		$parameters{"$module.$name"} = '';
		$files{"/sys/module/$module/parameters/$name"} = {
			'0644' => 'RW', '0444' => 'RO', '0200' => 'WO' }->{$mode // ''} // 'no mode';
	}
}

my %described;
for my $entry (split(/^(?=What:)/m, $abi)) {
	# several names may share one description
	push @{$described{pending}}, $entry =~ /^What:\s*(\S+)$/gm;
	next unless $entry =~ /^Description:\n\s+(?:\((R[OW]|WO)\))?/m;
	my $mode = $1 // '';
	complain("ABI: no date for: $described{pending}[-1]") unless $entry =~ /^Date:\s+\w+ \d{4}$/m;
	$described{$_} = $mode for @{delete $described{pending}};
}
count('files', same('file', \%files, 'Documentation/ABI', \%described));

# what stands in them, and in the tables of debugfs: words, and names of numbers
my %fields;
for my $call (calls($source{'persist/sysfs.c'}, qr/seq_printf/)) {
	my ($format) = literals($call->[1]);
	my @names = ($format // '') =~ /^(\w+) %/gm;
	$fields{$_} = '' for @names;
}
my %values = map { $_ => '' }
	$source{'persist/sysfs.c'} =~ /\[(?:KMEM|DAX)_\w+\] = "(\w+)"/g;
for (sort keys %fields) {
	complain("number $_: not in the guide") unless $guide =~ /``$_``|^$_ /m;
}
for (sort keys %values) {
	complain("word $_: not in Documentation/ABI") unless $abi =~ /"$_"/;
}
count('numbers and words in files', keys(%fields) + keys(%values));

# parameters
count('parameters', same('parameter', \%parameters, 'the guide',
	set($guide =~ /^``(kmem(?:_blk|_persist)?\.\w+)``/gm)));
same('parameter', \%parameters, 'kernel-parameters.txt',
	set(slurp("$docs/admin-guide/kernel-parameters.txt.patch") =~ /^\+\t(kmem\w*\.\w+)=/gm));

# options
my $kconfig = slurp("$top/drivers/dax/persist/Kconfig");
count('options', same('option', set($kconfig =~ /^config (\w+)\n\t\w+ "/gm), 'the guide',
	set($guide =~ /^``CONFIG_(\w+)``/gm)));
my %options = map { $_ => 1 } $kconfig =~ /^config (\w+)/gm;
for ("$guide\n$abi" =~ /CONFIG_(DEV_DAX_KMEM_PERSIST\w*)/g) {
	complain("CONFIG_$_: there is no such option") unless $options{$_};
}

# tracepoints
count('tracepoints', same('tracepoint',
	set($source{'persist/trace.h'} =~ /\b(?:TRACE_EVENT|DEFINE_EVENT)\((?:\w+, )?(\w+)/g),
	'the guide', set($guide =~ /^``(kmem_persist_\w+)``/gm)));

# uevents: variables, and what KMEM_EVENT may be
my $all = join("\n", map { $source{$_} } sort keys %source);
my %variables = map { $_ => 1 } $all =~ /"(KMEM_[A-Z]+)=/g;
my %events = map { $_ => 1 } $all =~ /"KMEM_EVENT=([a-z]\w*)"/g;
if ($all =~ /\bevents\[\] = \{(.*?)\};/s) {
	$events{$_} = 1 for literals($1);
} else {
	complain('uevents: no list of events');
}
for (sort keys %variables) {
	complain("variable $_: not in the guide") unless $guide =~ /\b$_\b/;
	complain("variable $_: not in Documentation/ABI") unless $abi =~ /\b$_\b/;
}
for (sort keys %events) {
	complain("event $_: not in the guide") unless $guide =~ /``$_``/;
	complain("event $_: not in Documentation/ABI") unless $abi =~ /\bKMEM_EVENT=$_\b|KMEM_EVENT=(?:\w+, |\w+ or |\s)*$_\b/;
}
for ("$guide\n$abi" =~ /\bKMEM_EVENT=(\w+)/g) {
	complain("event $_: not in the code") unless $events{$_};
}
for ("$guide\n$abi" =~ /\b(KMEM_[A-Z]+)\b/g) {
	complain("variable $_: not in the code") unless $variables{$_};
}
count('events', scalar(keys %events));

print join(', ', @counts), "\n";
finish('abi');
