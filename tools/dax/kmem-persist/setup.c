// SPDX-License-Identifier: GPL-2.0
/*
 * The first hour: from an NVDIMM to a mounted filesystem
 *
 * Everything that can be refused is, before anything is changed. Each step is a command
 * that is shown first. A format is asked for with a UUID of our own, and nothing is done to
 * a disk that has another one.
 *
 * setup_target.c: what was named. setup_need.c: what is refused; setup_blank.c: because
 * something is on it. setup_steps.c: what is shown, and done.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "format.h"
#include "setup.h"

static void setup_ask(const struct setup *s)
{
	char answer[16];

	if (s->o->yes)
		return;
	if (!isatty(STDIN_FILENO))
		die(EXIT_USAGE, "nobody can be asked: --yes does it, --dry-run only shows it");
	printf("Type yes to do it: ");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n"))
		die(EXIT_OPERATIONAL, "nothing was done");
}

/*
 * Somebody may have thought about it for a while: what was refused before is refused now, and
 * what he has seen is what is there.
 */
static void setup_look_again(struct setup *s)
{
	struct setup now = { .o = s->o, .what = s->what };

	if (s->o->yes)
		return;
	memcpy(now.uuid, s->uuid, sizeof(now.uuid));
	setup_resolve(&now);
	if (now.make != s->make || now.has_dax != s->has_dax || strcmp(now.ns, s->ns) ||
	    (s->has_dax && (strcmp(now.d.name, s->d.name) ||
			    dax_instance(&now.d) != s->instance)))
		setup_refuse(s, "is another one now; nothing was done");
	setup_refuse_what_must_be(&now);
	*s = now;
}

/**
 * cmd_setup - kmem-persist setup
 * @o: options
 *
 * Return: exit status.
 */
int cmd_setup(const struct options *o)
{
	struct setup s = { .o = o, .what = o->device };
	u8 uuid[16];

	if (o->json)
		die(EXIT_USAGE, "setup talks to people; there is no JSON");
	if (o->yes && o->dry_run)
		die(EXIT_USAGE, "--yes and --dry-run: one of them");
	format_new_uuid(uuid);
	text_uuid(s.uuid, uuid);
	setup_resolve(&s);
	s.instance = s.has_dax ? dax_instance(&s.d) : 0;
	setup_refuse_what_must_be(&s);
	setup_show(&s);
	if (o->dry_run)
		return EXIT_CLEAN;
	setup_ask(&s);
	setup_look_again(&s);
	setup_do(&s);
	return EXIT_CLEAN;
}
