#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# run.pl [OPTION...] [NAME...]: try mutants, see cmd/mutants.sh.
#   --top FOLDER      the checkout
#   --work FOLDER     where copies, programs and results are kept
#   --count N         so many of a sample; those that are known already are part of it
#   --seed WORD       which of them: another word, another order
#   --file FILE       of these files, or folders, only
#   --kind KIND       of this kind only
#   --stores          all that writes, or orders what was written, in the map, the
#                     superblocks and the tool
#   --guest           those that only a guest can tell, and not only those that need none
#   --claims FILE     which tests notice mistakes in which file
#   --equivalent FILE mutants that do the same as the original, and why
#   --list            only say which ones they would be
#   --again           forget what was found before
#   --seconds N       stop after so long
#   --report          only what is known
#   --quick N         N seconds for a program; what is not known then is tried another time
#   --slack N         a program may take N seconds (10) and five times what it takes (a
#                     guest three times); of a processor three and twice what it takes
use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::MD5 qw(md5_hex);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use Getopt::Long;
use POSIX qw(:sys_wait_h setsid SIGXCPU);
use Time::HiRes qw(time);

my $here = abs_path(dirname($0));
my (%o, @files, @kinds);

GetOptions(\%o, 'top=s', 'work=s', 'count=i', 'seed=s', 'claims=s', 'equivalent=s', 'list', 'again',
	'seconds=i', 'slack=i', 'quick=i', 'stores', 'guest', 'report', 'file=s' => \@files, 'kind=s' => \@kinds) or exit 2;
my $top = abs_path($o{top} // "$here/../../../..");
my $work = $o{work} // die "--work?\n";
unless ($o{list} || $o{report}) {
	make_path("$work/build");
	$work = abs_path($work);
}
my $seed = $o{seed} // 1;
my $claims = $o{claims} // "$here/claims";
my $equivalent = $o{equivalent} // "$here/equivalent";

require "$here/mutate.pl";
$| = 1;

sub slurp {
	my ($file) = @_;

	open(my $in, '<', $file) or die "$file: $!\n";
	local $/;
	return <$in>;
}

#
# claims: "program NAME [guest]", then lines "build COMMAND" and "run COMMAND";
# "file PATH: PROGRAM..."
#
my (%program, %path, %claim, @order);
{
	my $p;
	foreach (split /\n/, slurp($claims) =~ s/\\\n\s*/ /gr) {
		next if /^\s*(#|$)/;
		if (/^program (\S+)( guest)?$/) {
			$p = $program{$1} = { name => $1, guest => !!$2 };
		} elsif (/^\t(build|run) (.*)$/ && $p) {
			$p->{$1} = $2;
		} elsif (/^file (\S+):\s*(.*)$/) {
			my ($path, $programs) = ($1, $2);
			my $base = $path =~ s,.*/([^/]+/),$1,r;

			-f "$top/$path" or die "$claims: there is no $path\n";
			$path{$base} = $path;
			$claim{$base} = [ split ' ', $programs ];
			push @order, $base;
		} else {
			die "$claims: not understood: $_\n";
		}
	}
	foreach my $base (@order) {
		foreach (@{$claim{$base}}) {
			$program{$_} or die "$claims: $base: there is no program $_\n";
		}
	}
}

# "NAME SUM REASON" each; the sum is that of the changed line
my %equivalent;
foreach (split /\n/, slurp($equivalent)) {
	next if /^\s*(#|$)/;
	/^(\S+) ([0-9a-f]{8}) (\S.*)$/ or die "$equivalent: not understood: $_\n";
	$equivalent{$1} = { sum => $2, why => $3 };
}

#
# Which ones
#
my $STORES = qr/\b(?:kmem_media_(?:copy|copy_past|store|wb|fence)|kmem_sb_(?:put|write\w*|erase|restore)
	|kmem_marker_\w+|kmem_persist_write_marker|kmem_place_set_magic|kmem_blk_(?:node_build|leaf_link
	|leaf_swap|leaf_copy|grow)|repair_store|p?write|fsync|msync|ftruncate)\s*\(/x;
my $STORE_FILES = qr{^(?:map/(?:map|twins)|persist/(?:format|places|core)|kmem-persist/(?:repair|format|import|extract|image|sb))\.c$};

my @all;
foreach my $base (@order) {
	foreach my $m (main::all("$top/$path{$base}")) {
		my ($name, $line, $sum, $before, $after, undef, undef, undef, $func) = @$m;

		push @all, { name => $name, base => $base, line => $line, sum => $sum, before => $before,
			after => $after, func => "$func-$sum", kind => (split /:/, $name)[2] };
	}
}
my %by_name = map { $_->{name} => $_ } @all;
foreach (sort keys %equivalent) {
	my $m = $by_name{$_};

	print "stale: $equivalent: $_: the line is another one now\n"
		if (!$m || $m->{sum} ne $equivalent{$_}->{sum}) && !$o{report};
	$m->{equivalent} = $equivalent{$_}->{why} if $m && $m->{sum} eq $equivalent{$_}->{sum};
}

# Is a file meant by what follows --file?
sub named {
	my ($base, $file) = @_;

	return "/$path{$base}/" =~ m{/\Q$file\E/};
}

my @chosen = @all;
if (@ARGV) {
	@chosen = map { $by_name{$_} // die "there is no mutant $_\n" } @ARGV;
} else {
	foreach my $f (@files) {
		grep { named($_, $f) } @order or die "no test claims $f, see $claims\n";
	}
	@chosen = grep { my $m = $_; grep { named($m->{base}, $_) } @files } @chosen if @files;
	@chosen = grep { my $m = $_; grep { $_ eq $m->{kind} } @kinds } @chosen if @kinds;
	@chosen = grep { $_->{kind} eq 'drop' && $_->{base} =~ $STORE_FILES && $_->{before} =~ $STORES } @chosen
		if $o{stores};
	unless ($o{guest}) {
		@chosen = grep { grep { !$program{$_}->{guest} } @{$claim{$_->{base}}} } @chosen;
	}
	@chosen = sort { md5_hex("$seed $a->{name}") cmp md5_hex("$seed $b->{name}") } @chosen;
	$#chosen = $o{count} - 1 if $o{count} && @chosen > $o{count};
}

#
# What is known: name, sum of the function, which tests, result, by whom, seconds
#
my $results = "$work/results";
unlink $results if $o{again} && !$o{list};
my %known;
if (open(my $in, '<', $results)) {
	while (<$in>) {
		chomp;
		my ($name, $func, $tests, $what, $by, $secs) = split /\t/;
		$known{$name} = { func => $func, tests => $tests, what => $what, by => $by };
	}
}

# A sum of the files in folders.
sub files_sum {
	my ($dir, @folders) = @_;
	my $d = Digest::MD5->new;

	foreach my $f (split /\n/, `cd '$dir' && find @folders -type f 2>/dev/null | LC_ALL=C sort`) {
		open(my $in, '<', "$dir/$f") or next;
		binmode $in;
		$d->add("$f\n");
		$d->addfile($in);
	}
	open(my $in, '<', $claims);
	$d->addfile($in);
	return substr($d->hexdigest, 0, 8);
}

# What survived may not survive other tests.
my @TESTS = qw(map fuzz tool shim golden tests/06-tool.sh guest lib);
my $tests_sum = files_sum("$top/tools/testing/kmem_persist", @TESTS, $o{guest} ? 'tests' : ()) .
	($o{guest} ? 'g' : '');

sub result {
	my ($m) = @_;
	my $k = $known{$m->{name}} or return undef;

	return undef if $k->{func} ne $m->{func};
	# for a reason that no test changes
	return $k if $k->{what} eq 'survived' && $m->{equivalent};
	return undef if $k->{what} =~ /^(?:survived|guest)$/ && $k->{tests} ne $tests_sum;
	return $k;
}

if ($o{list}) {
	foreach my $m (@chosen) {
		print "$m->{name} $m->{sum} $path{$m->{base}}:$m->{line}\n\t- $m->{before}\n\t+ $m->{after}\n";
	}
	exit 0;
}

#
# Running
#
my $tree = "$work/tree";
# of a search all is run, not the sample of a commit
delete $ENV{KP_SAMPLE};
$ENV{KP_TOP} = $tree;
$ENV{KP_DIR} = "$tree/tools/testing/kmem_persist";
$ENV{O} = "$work/build";
$ENV{D} = "$tree/tools/testing/kmem_persist";
my $child = 0;
$SIG{INT} = $SIG{TERM} = sub {
	kill 'KILL', -$child if $child;
	exit 130;
};

# How a command ended within that many seconds, and each of its processes within that many
# of a processor: "", "failed: LINE", "time"; its output
sub command {
	my ($cmd, $limit, $log, $cpu) = @_;
	my $dir = "$work/run";

	$cmd = "ulimit -St $cpu; $cmd" if $cpu;

	remove_tree($dir);
	make_path($dir);
	pipe(my $r, my $w) or die;
	$child = fork() // die "fork: $!\n";
	unless ($child) {
		setsid();
		close $r;
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>&', $w);
		open(STDERR, '>&', $w);
		chdir $dir or die;
		exec 'setpriv', '--pdeathsig', 'KILL', 'sh', '-c', $cmd;
		die;
	}
	close $w;
	my $end = time + $limit;
	my ($buf, $verdict) = ('');
	open(my $out, '>', $log);
	while (!defined $verdict) {
		my $left = $end - time;
		my $rin = '';

		vec($rin, fileno($r), 1) = 1;
		if ($left <= 0) {
			$verdict = 'time';
		} elsif (select($rin, undef, undef, $left)) {
			my $n = sysread($r, my $more, 65536);

			last unless $n;
			print $out $more;
			$buf .= $more;
			while ($buf =~ s/^([^\n]*)\n//) {
				my $line = $1;

				next unless $line =~ /^\s*not ok\b/;
				$verdict = "failed: $line";
				last;
			}
		}
	}
	kill 'KILL', -$child if defined $verdict;
	waitpid($child, 0);
	my $rc = $?;
	kill 'KILL', -$child;
	$child = 0;
	close $out;
	return $verdict if defined $verdict;
	# by itself, or the shell's word for it
	return 'time' if $cpu && (($rc & 127) == SIGXCPU || $rc >> 8 == 128 + SIGXCPU);
	return $rc ? 'failed: exit status ' . ($rc >> 8 || "signal $rc") : '';
}

my (%base, %base_cpu, %tree_sum);

# What all that has ended has taken of a processor.
sub cpu {
	my (undef, undef, $user, $system) = CORE::times;

	return $user + $system;
}

# A sum of what the original, and a program that tests it, is made of.
sub base_sum {
	my @tests = (@TESTS, $program{$_[0]}->{guest} ? 'tests' : ());

	return $tree_sum{"@tests"} //= files_sum($top, qw(drivers/dax include tools/dax),
		map { "tools/testing/kmem_persist/$_" } @tests);
}

# How long a program takes that is as it should be, if it has passed with the same files.
sub known_base {
	my ($name) = @_;
	my $sum = base_sum($name);

	if (!defined $base{$name} && open(my $in, '<', "$work/base.$name")) {
		my ($known, $secs, $cpu) = split ' ', <$in>;

		($base{$name}, $base_cpu{$name}) = ($secs, $cpu) if $known eq $sum && $cpu;
	}
	return $base{$name};
}

# The same, or find out.
sub baseline {
	my ($name) = @_;
	my $p = $program{$name};

	if ($p->{build}) {
		my $what = command($p->{build}, 1800, "$work/log");

		die "$name does not build: $what\n", slurp("$work/log") if $what;
	}
	my ($from, $cpu) = (time, cpu());
	my $what = command($p->{run}, $o{quick} // 3600, "$work/log");
	my $took = time - $from;
	$base_cpu{$name} = sprintf('%.2f', cpu() - $cpu + 0.01);

	# nothing is wrong as long as it runs, which is how long mutants have
	return $base{$name} = $took if $o{quick} && $what eq 'time';
	die "$name fails as it is: $what\n", slurp("$work/log") if $what;
	print sprintf("# %s takes %.1f s\n", $name, $took);
	put("$work/base.$name", base_sum($name) . " $took $base_cpu{$name}\n");
	return $base{$name} = $took;
}

# A copy, of the folders that tests need, with the times of the files: make knows what to do.
sub copy_tree {
	system('sh', '-c', <<'END', 'sh', $top, $tree) == 0 or die "cannot copy $top\n";
set -e
mkdir -p "$2"
cd "$1"
dirs=$(ls -d drivers/dax include tools/dax tools/testing/kmem_persist Documentation run 2>/dev/null) || :
for f in $(find $dirs -type f); do
	if [ ! -e "$2/$f" ] || ! cmp -s "$f" "$2/$f"; then
		mkdir -p "$2/$(dirname "$f")"
		cp "$f" "$2/$f"
	fi
done
cd "$2"
for f in $(find $dirs -type f); do
	[ -e "$1/$f" ] || rm "$f"
done
END
}

sub put {
	my ($file, $text) = @_;

	open(my $out, '>', $file) or die "$file: $!\n";
	print $out $text;
	close $out or die "$file: $!\n";
}

# What has found most of this function and this file so far, by what it takes, comes
# first: at the beginning what comes first in claims.
sub in_order {
	my ($m, @programs) = @_;
	my ($func, %score) = ($m->{name} =~ /^(.*?:.*?:)/);
	my $n = 0;

	$score{$_} = 1 / ++$n foreach @programs;
	while (my ($name, $k) = each %known) {
		next unless $k->{what} eq 'killed' && $name =~ /^\Q$m->{base}\E:/;
		my ($by) = $k->{by} =~ /^(.*?):/;
		$score{$by} += index($name, $func) ? 1 : 5 if $score{$by};
	}
	$score{$_} /= 1.5 + (known_base($_) // ($program{$_}->{guest} ? 60 : 10)) foreach @programs;
	return sort { $score{$b} <=> $score{$a} } @programs;
}

# Returns result and who found it.
sub try_one {
	my ($m) = @_;
	my $file = "$tree/$path{$m->{base}}";
	my $original = slurp($file);
	my $compiled = 0;
	my %built;
	my @what = ('survived', '-');

	my @programs = grep { $o{guest} || !$program{$_}->{guest} } @{$claim{$m->{base}}};
	my $mutant = main::apply($m->{name}, $file);
	foreach my $name (in_order($m, @programs)) {
		my $p = $program{$name};

		unless (defined known_base($name)) {
			put($file, $original) if slurp($file) ne $original;
			baseline($name);
			%built = ();
		}
		# make looks at times
		put($file, $mutant) if slurp($file) ne $mutant;
		if ($p->{build}) {
			# all guests have the same modules
			$built{$p->{build}} //= command($p->{build}, 1800, "$work/log.build");
			# if only this fails: a script that looks for a line that is another one now
			next if $built{$p->{build}};
		}
		$compiled = 1;
		my $verdict = command($p->{run}, $o{quick} // $base{$name} * ($p->{guest} ? 3 : 5) + ($o{slack} // 10),
			"$work/log", $p->{guest} ? 0 : int($base_cpu{$name} * 2 + 3));
		if ($o{quick} && $verdict eq 'time') {
			@what = ('open', '-');
		} elsif ($verdict) {
			$verdict =~ s/[\t\n]/ /g;
			@what = ('killed', "$name: " . substr($verdict, 0, 90));
			last;
		}
	}
	put($file, $original);
	@what = ('uncompiled', '-') unless $compiled;
	@what = ('guest', '-') if $what[0] eq 'survived' && @programs < @{$claim{$m->{base}}};
	return @what;
}

my ($tried, $from) = (0, time);
unless ($o{report}) {
	copy_tree();
	my @todo = grep { @ARGV || !result($_) } @chosen;
	# one file after the other: less to compile
	my %at = map { $order[$_] => $_ } 0 .. $#order;
	@todo = sort { $at{$a->{base}} <=> $at{$b->{base}} } @todo;
	foreach my $m (@todo) {
		last if $o{seconds} && time - $from > $o{seconds};
		my $begin = time;
		my ($what, $by) = try_one($m);
		my $secs = sprintf('%.1f', time - $begin);

		if ($what eq 'open') {
			print "open $m->{name} $secs s\n";
			next;
		}
		open(my $out, '>>', $results) or die "$results: $!\n";
		print $out join("\t", $m->{name}, $m->{func}, $tests_sum, $what, $by, $secs), "\n";
		close $out;
		$known{$m->{name}} = { func => $m->{func}, tests => $tests_sum, what => $what, by => $by };
		print "$what $m->{name} $secs s", $what eq 'killed' ? " $by" : '', "\n";
		$tried++;
	}
}

#
# What is known of those that were chosen
#
my (%sum, @survivors);
my ($left, $guest) = (0, 0);
foreach my $m (@chosen) {
	my $k = result($m);

	unless ($k) {
		$left++;
		next;
	}
	my $what = $k->{what};
	if ($what eq 'guest') {
		$guest++;
		next;
	}
	if ($what eq 'survived' && $m->{equivalent}) {
		$what = 'equivalent';
	} elsif ($what eq 'killed' && $m->{equivalent}) {
		print "note: $m->{name} is no equivalent: $k->{by}\n";
	}
	push @survivors, $m if $what eq 'survived';
	$sum{$m->{base}}->{$what}++;
	$sum{total}->{$what}++;
}
printf "%-26s %7s %9s %11s %12s\n", 'file', 'killed', 'survived', 'equivalent', 'not compiled';
foreach my $base ((grep { $sum{$_} } @order), 'total') {
	printf "%-26s %7d %9d %11d %12d\n", $base,
		map { $sum{$base}->{$_} // 0 } qw(killed survived equivalent uncompiled);
}
print "$guest can only be noticed in a guest: --guest\n" if $guest;
print "$left of those that were chosen were not tried\n" if $left;
foreach my $m (sort { $a->{name} cmp $b->{name} } @survivors) {
	print "survivor: $m->{name} $m->{sum} $path{$m->{base}}:$m->{line}\n\t- $m->{before}\n\t+ $m->{after}\n";
}
exit(@survivors ? 1 : 0);
