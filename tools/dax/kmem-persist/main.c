// SPDX-License-Identifier: GPL-2.0
/*
 * kmem-persist - look inside a DAX device that is system RAM and durable storage
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/compiler.h>
#include "cmd.h"
#include "out.h"
#include "run.h"
#include "util.h"

static const char usage_text[] =
"usage: kmem-persist COMMAND [OPTION...] DEVICE [ARGUMENT]\n"
"DEVICE is /dev/daxX.Y, or a file with the content of one.\n"
"\n"
"Devices in use:\n"
"  list                   all of them, a line each\n"
"  status [WHICH]         how they are; WHICH is a name, UUID, label or disk\n"
"  metrics [FILE]         their numbers, for Prometheus; FILE is replaced at once\n"
"  detach DEVICE          take the data out of use; DEVICE is daxX.Y here\n"
"  snapshot create WHICH LABEL      of its disk, in use as it may be\n"
"  snapshot delete WHICH SNAPSHOT   SNAPSHOT is a label or an id\n"
"  snapshot activate WHICH SNAPSHOT   it gets a disk, to be read; deactivate\n"
"  snapshot rollback WHICH SNAPSHOT   the disk becomes what it was then\n"
"      -y, --yes               and what it is now is lost\n"
"  snapshot list WHICH    or of a DEVICE that is not in use\n"
"\n"
"Putting them to use; DEVICE is daxX.Y:\n"
"  setup DEVICE           all that the first use takes, to a filesystem; it shows the\n"
"                         commands, and asks. DEVICE is regionN or namespaceN.M, too\n"
"      --label TEXT            of device and filesystem\n"
"      --mount DIRECTORY       mount it there; --fstab: at each boot\n"
"      --volatile              although it is no NVDIMM\n"
"      --cxl                   make its CXL region again at each boot\n"
"      --force                 with --yes: although there is something that is not known\n"
"      -y, --yes, -n, --dry-run\n"
"  attach DEVICE          use the data on it, and the rest as RAM\n"
"      --auto                  for an event: if it has data, and as --all\n"
"      --check                 only: is there something to do then? 0 yes, 1 no\n"
"  attach --all           all that have data, as /etc/kmem-persist.conf says\n"
"  cxl-regions            make the CXL regions that are remembered\n"
"      --remember REGION       write down how this one is made, and no more\n"
"  may-bind DEVICE        may somebody make plain RAM of it? 0 yes, 1 no\n"
"\n"
"Devices that are not in use:\n"
"\n"
"  info DEVICE            what it is\n"
"  check DEVICE           is everything as the format demands?\n"
"  dump DEVICE            all fields of the superblocks, and the map\n"
"      --superblocks, --map    only these\n"
"  extract DEVICE FILE    the content of the disk, into a sparse file;\n"
"                         '-': as a stream, into a pipe\n"
"      --force                 overwrite FILE\n"
"      --snapshot SNAPSHOT     of that, not of the disk\n"
"  snapshot diff DEVICE SNAPSHOT [OTHER]   where they differ; OTHER: or the disk\n"
"  import DEVICE FILE     format it, with the content of a stream or the image of\n"
"                         a disk; '-': from a pipe; ALL DATA ON DEVICE IS LOST\n"
"      --raw, --stream         FILE is an image, or a stream, whatever it begins with\n"
"      --size, --label, --uuid, --seed, --force, -n   as of format\n"
"  repair DEVICE          give up what is damaged, and tell what that is\n"
"      --use PAGE              the superblock there is the one that counts\n"
"      --drop-snapshots        all, if nobody can tell any more which there are\n"
"      -y, --yes               do it\n"
"      -n, --dry-run           only say what would be done\n"
"  label DEVICE [TEXT]    show or set the label\n"
"      -n, --dry-run\n"
"  adopt DEVICE           the kernel shall take what is on it for its own\n"
"      -y, --yes, -n, --dry-run\n"
"      --new-uuid, --uuid UUID  it becomes one of its own\n"
"      --ns-uuid UUID          of a file: namespace that it is for\n"
"  format DEVICE          make it empty; ALL DATA IS LOST\n"
"      --type TYPE             none, or blk, a disk (default)\n"
"      --size BYTES            of the disk; may exceed the device\n"
"      --label TEXT, --uuid UUID, --seed NUMBER\n"
"      --force                 although there is a superblock\n"
"      -n, --dry-run\n"
"  wipe DEVICE            remove superblocks and marker\n"
"      --force                 although there is data\n"
"      -n, --dry-run\n"
"\n"
"  --json                 for programs\n"
"  --secrets              info, dump: show what must stay unknown to others\n"
"  --superblock-at PAGE   info, check, dump, extract: take that page for it\n"
"  --offset BYTES, --length BYTES   the device is that part of the file\n"
"\n"
"Exit status: 0 no errors, 1 corrected, 4 errors left, 8 could not be done,\n"
"16 wrong usage; of status 1 attention, 4 data not in use. See kmem-persist(8).\n";

enum {
	OPT_JSON = 1, OPT_OFFSET, OPT_LENGTH, OPT_FORCE, OPT_SUPERBLOCKS, OPT_MAP,
	OPT_TYPE, OPT_LABEL, OPT_UUID, OPT_SIZE, OPT_SEED, OPT_SECRETS, OPT_AT,
	OPT_NEW_UUID, OPT_NS_UUID, OPT_USE, OPT_RAW, OPT_STREAM,
	OPT_CHECK, OPT_ALL, OPT_AUTO, OPT_MOUNT, OPT_FSTAB, OPT_VOLATILE, OPT_SNAPSHOT,
	OPT_DROP_SNAPSHOTS,
	OPT_CXL, OPT_REMEMBER,
	OPT_YES = 'y', OPT_DRY_RUN = 'n', OPT_HELP = 'h', OPT_VERSION = 'V',
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "offset", required_argument, NULL, OPT_OFFSET },
	{ "length", required_argument, NULL, OPT_LENGTH },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "superblocks", no_argument, NULL, OPT_SUPERBLOCKS },
	{ "map", no_argument, NULL, OPT_MAP },
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "label", required_argument, NULL, OPT_LABEL },
	{ "uuid", required_argument, NULL, OPT_UUID },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "secrets", no_argument, NULL, OPT_SECRETS },
	{ "superblock-at", required_argument, NULL, OPT_AT },
	{ "new-uuid", no_argument, NULL, OPT_NEW_UUID },
	{ "ns-uuid", required_argument, NULL, OPT_NS_UUID },
	{ "use", required_argument, NULL, OPT_USE },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "stream", no_argument, NULL, OPT_STREAM },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "auto", no_argument, NULL, OPT_AUTO },
	{ "mount", required_argument, NULL, OPT_MOUNT },
	{ "fstab", no_argument, NULL, OPT_FSTAB },
	{ "volatile", no_argument, NULL, OPT_VOLATILE },
	{ "snapshot", required_argument, NULL, OPT_SNAPSHOT },
	{ "drop-snapshots", no_argument, NULL, OPT_DROP_SNAPSHOTS },
	{ "cxl", no_argument, NULL, OPT_CXL },
	{ "remember", required_argument, NULL, OPT_REMEMBER },
	{ "yes", no_argument, NULL, OPT_YES },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{},
};

/**
 * struct command - a command
 * @name: its name, one word or two
 * @run: what it does
 * @args: DEVICE and what follows: at least, at most; of devices in use it may be absent
 * @named: DEVICE is one that the kernel knows, and never a part of a file
 * @options: that it knows, beside those that all do; 0 at the end
 */
static const struct command {
	const char *name;
	int (*run)(const struct options *o);
	int args[2];
	bool named;
	int options[9];
} commands[] = {
	{ "info", cmd_info, { 1, 1 }, false, { OPT_SECRETS, OPT_AT } },
	{ "check", cmd_check, { 1, 1 }, false, { OPT_AT } },
	{ "dump", cmd_dump, { 1, 1 }, false, { OPT_SUPERBLOCKS, OPT_MAP, OPT_SECRETS, OPT_AT } },
	{ "repair", cmd_repair, { 1, 1 }, false, { OPT_YES, OPT_DRY_RUN, OPT_USE,
						  OPT_DROP_SNAPSHOTS } },
	{ "extract", cmd_extract, { 2, 2 }, false, { OPT_FORCE, OPT_AT, OPT_SNAPSHOT } },
	{ "import", cmd_import, { 2, 2 }, false, { OPT_RAW, OPT_STREAM, OPT_LABEL, OPT_UUID,
						   OPT_SIZE, OPT_SEED, OPT_FORCE,
						   OPT_DRY_RUN } },
	{ "label", cmd_label, { 1, 2 }, false, { OPT_DRY_RUN } },
	{ "adopt", cmd_adopt, { 1, 1 }, false, { OPT_YES, OPT_UUID, OPT_NEW_UUID, OPT_NS_UUID,
						 OPT_DRY_RUN } },
	{ "format", cmd_format, { 1, 1 }, false, { OPT_TYPE, OPT_LABEL, OPT_UUID, OPT_SIZE,
						   OPT_SEED, OPT_FORCE, OPT_DRY_RUN } },
	{ "wipe", cmd_wipe, { 1, 1 }, false, { OPT_FORCE, OPT_DRY_RUN } },
	{ "status", cmd_status, { 0, 1 }, true, { } },
	{ "list", cmd_list, { 0, 0 }, true, { } },
	{ "attach", cmd_attach, { 0, 1 }, true, { OPT_CHECK, OPT_ALL, OPT_AUTO } },
	{ "detach", cmd_detach, { 1, 1 }, true, { } },
	{ "may-bind", cmd_may_bind, { 1, 1 }, true, { } },
	{ "cxl-regions", cmd_cxl_regions, { 0, 0 }, true, { OPT_REMEMBER } },
	{ "setup", cmd_setup, { 1, 1 }, true, { OPT_LABEL, OPT_MOUNT, OPT_FSTAB, OPT_VOLATILE,
						OPT_CXL, OPT_FORCE, OPT_YES, OPT_DRY_RUN } },
	{ "metrics", cmd_metrics, { 0, 1 }, true, { } },
	{ "snapshot list", cmd_snapshot_list, { 1, 1 }, false, { } },
	{ "snapshot diff", cmd_snapshot_diff, { 2, 3 }, false, { } },
	{ "snapshot create", cmd_snapshot_create, { 2, 2 }, true, { } },
	{ "snapshot delete", cmd_snapshot_delete, { 2, 2 }, true, { } },
	{ "snapshot activate", cmd_snapshot_activate, { 2, 2 }, true, { } },
	{ "snapshot deactivate", cmd_snapshot_deactivate, { 2, 2 }, true, { } },
	{ "snapshot rollback", cmd_snapshot_rollback, { 2, 2 }, true, { OPT_YES } },
};

/* What the words say, the last of which is NULL; and how many of them are its name. */
static const struct command *find_command(char **words, int *nr)
{
	const size_t len = strlen(words[0]);
	bool two = false;

	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		const char *name = commands[i].name;

		if (strncmp(words[0], name, len))
			continue;
		*nr = name[len] ? 2 : 1;
		if (!name[len])
			return &commands[i];
		two |= name[len] == ' ' && words[1];
		if (name[len] == ' ' && words[1] && !strcmp(words[1], name + len + 1))
			return &commands[i];
	}
	die(EXIT_USAGE, "there is no command '%s%s%s'; 'kmem-persist --help' lists all", words[0],
	    two ? " " : "", two ? words[1] : "");
}

static const char *option_name(int opt)
{
	for (const struct option *l = long_options; l->name; l++)
		if (l->val == opt)
			return l->name;
	return "";
}

static void need_option(const struct command *command, int opt)
{
	if (opt == OPT_JSON ||
	    (!command->named && (opt == OPT_OFFSET || opt == OPT_LENGTH)))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(command->options); i++)
		if (command->options[i] == opt)
			return;
	die(EXIT_USAGE, "'%s' has no option --%s", command->name, option_name(opt));
}

static u64 bytes_option(int opt)
{
	u64 bytes;

	if (!parse_bytes(optarg, &bytes) || bytes % KMEM_PERSIST_BLOCK_SIZE)
		die(EXIT_USAGE, "--%s %s: not a multiple of %u bytes",
		    option_name(opt), optarg, KMEM_PERSIST_BLOCK_SIZE);
	return bytes;
}

static void set_option(struct options *o, int opt)
{
	switch (opt) {
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_OFFSET:
		o->where.offset = bytes_option(opt);
		o->where.given = true;
		break;
	case OPT_LENGTH:
		o->where.length = bytes_option(opt);
		o->where.given = true;
		break;
	case OPT_FORCE:
		o->force = true;
		break;
	case OPT_SUPERBLOCKS:
		o->superblocks = true;
		break;
	case OPT_MAP:
		o->map = true;
		break;
	case OPT_TYPE:
		o->type = optarg;
		break;
	case OPT_LABEL:
		o->label = optarg;
		break;
	case OPT_UUID:
		o->uuid = optarg;
		break;
	case OPT_SIZE:
		o->size = optarg;
		break;
	case OPT_SEED:
		o->seed = optarg;
		break;
	case OPT_SECRETS:
		o->secrets = true;
		break;
	case OPT_AT:
		if (!parse_u64(optarg, &o->at) || o->at == SB_AT_PLACES)
			die(EXIT_USAGE, "--superblock-at %s: not a page", optarg);
		break;
	case OPT_USE:
		if (!parse_u64(optarg, &o->use) || o->use == SB_AT_PLACES)
			die(EXIT_USAGE, "--use %s: not a page", optarg);
		break;
	case OPT_RAW:
		o->raw = true;
		break;
	case OPT_STREAM:
		o->stream = true;
		break;
	case OPT_NEW_UUID:
		o->new_uuid = true;
		break;
	case OPT_NS_UUID:
		o->ns_uuid = optarg;
		break;
	case OPT_CHECK:
		o->check = true;
		break;
	case OPT_ALL:
		o->all = true;
		break;
	case OPT_AUTO:
		o->automatic = true;
		break;
	case OPT_MOUNT:
		o->mount = optarg;
		break;
	case OPT_FSTAB:
		o->fstab = true;
		break;
	case OPT_VOLATILE:
		o->is_volatile = true;
		break;
	case OPT_SNAPSHOT:
		o->snapshot = optarg;
		break;
	case OPT_DROP_SNAPSHOTS:
		o->drop_snapshots = true;
		break;
	case OPT_CXL:
		o->cxl = true;
		break;
	case OPT_REMEMBER:
		o->remember = optarg;
		break;
	case OPT_YES:
		o->yes = true;
		break;
	case OPT_DRY_RUN:
		o->dry_run = true;
		break;
	}
}

/* Options may come anywhere; getopt moves what is none to the end. */
static const struct command *parse(struct options *o, int argc, char **argv)
{
	const struct command *command;
	unsigned int nr = 0;
	int seen[64], opt, args, words;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "ynhV", long_options, NULL)) != -1) {
		if (opt == '?')
			die(EXIT_USAGE,
			    "'%s': no such option, or its argument is missing; 'kmem-persist --help' lists all",
			    argv[optind - 1]);
		if (opt == OPT_HELP || opt == OPT_VERSION) {
			fputs(opt == OPT_HELP ? usage_text :
			      "kmem-persist " KMEM_PERSIST_TOOL_VERSION "\n", stdout);
			exit(EXIT_CLEAN);
		}
		if (nr == ARRAY_SIZE(seen))
			die(EXIT_USAGE, "too many options");
		seen[nr++] = opt;
		set_option(o, opt);
	}
	if (optind == argc) {
		fputs(usage_text, stderr);
		exit(EXIT_USAGE);
	}
	command = find_command(argv + optind, &words);
	for (unsigned int i = 0; i < nr; i++)
		need_option(command, seen[i]);
	optind += words;
	args = argc - optind;
	if (args < command->args[0])
		die(EXIT_USAGE, !args ? "'%s' wants a device" : words > 1 ?
		    "'%s' wants a snapshot, too" : "'%s' wants a file, too", command->name);
	if (args > command->args[1])
		die(EXIT_USAGE, "'%s': too much: '%s'", command->name,
		    argv[optind + command->args[1]]);
	o->device = args ? argv[optind] : NULL;
	o->arg = args > 1 ? argv[optind + 1] : NULL;
	o->other = args > 2 ? argv[optind + 2] : NULL;
	return command;
}

/*
 * Or what is said would go where a device is opened, if somebody has closed one of them. It
 * cannot be written to: that nobody gets a stream, or what was found, is an error.
 */
static void main_open_std(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			exit(EXIT_OPERATIONAL);
}

/*
 * Who asks a question, as ExecCondition= of systemd, gets no answer if something is wrong, even
 * with how it was asked.
 */
static int main_no_answer(int argc, char **argv)
{
	bool check = false, attach = false;

	for (int i = argc - 1; i > 0; i--) {
		check = check || !strcmp(argv[i], "--check");
		if (*argv[i] != '-')
			attach = !strcmp(argv[i], "attach");
	}
	return check && attach ? EXIT_NOT_DECIDED : 0;
}

/**
 * main - the program
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: exit status.
 */
int main(int argc, char **argv)
{
	const struct command *command;
	struct options o = { .at = SB_AT_PLACES, .use = SB_AT_PLACES };
	int status;

	main_open_std();
	run_init();
	die_always_with(main_no_answer(argc, argv));
	command = parse(&o, argc, argv);
	if (command->run == cmd_extract && !strcmp(o.arg, "-"))
		o.pipe = extract_open_pipe();
	out_init(o.json);
	if (o.secrets)
		out_show_secrets();
	if (o.json) {
		out_str("command", "%s", command->name);
		if (o.device)
			out_str("device", "%s", o.device);
	}
	status = command->run(&o);
	if (o.json)
		out_u64("status", status);
	out_end();
	if (fflush(stdout) || ferror(stdout)) {
		fputs("kmem-persist: cannot write what was found\n", stderr);
		return EXIT_OPERATIONAL;
	}
	return status;
}
