// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzz target without a fuzzer: every file, and every file of every folder, that is
 * named is an input
 */
#include "fuzz.h"
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static unsigned long nr_inputs;

static void replay_file(const char *name)
{
	FILE *file = fopen(name, "r");
	struct stat st;
	u8 *data;

	if (!file || fstat(fileno(file), &st)) {
		fprintf(stderr, "replay: cannot read %s\n", name);
		exit(1);
	}
	/* No longer than it is, so that a sanitizer sees what reads too far. */
	data = malloc(st.st_size ? st.st_size : 1);
	if (!data || fread(data, 1, st.st_size, file) != (size_t)st.st_size) {
		fprintf(stderr, "replay: cannot read %s\n", name);
		exit(1);
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, st.st_size);
	free(data);
	nr_inputs++;
}

static int by_name(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void replay(const char *name)
{
	struct dirent **list;
	char path[PATH_MAX];
	struct stat st;
	int nr;

	if (stat(name, &st) || !S_ISDIR(st.st_mode)) {
		replay_file(name);
		return;
	}
	nr = scandir(name, &list, by_name, alphasort);
	for (int i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%s", name, list[i]->d_name);
		replay_file(path);
		free(list[i]);
	}
	if (nr >= 0)
		free(list);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%lu inputs\n", nr_inputs);
	return !nr_inputs;
}
