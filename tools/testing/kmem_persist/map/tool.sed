# SPDX-License-Identifier: GPL-2.0
# walk.c of the tool with rules that repair.c can leave out
/^static bool walk_may_have(/,/^}/ {
	s/if (before || (bits_test(.*))/if (tool_mutant != 1 \&\& (before || (bits_test(w->t->claimed, e->dpn) \&\& !kept)))/
	s/^\t\te->twice = .*/&\n\t\tif (tool_mutant == 2)\n\t\t\te->twice = false;/
	s/^\te->twice = /&tool_mutant != 3 \&\& /
}
/^static bool walk_confirms(/,/^}/ s/return nr >/return tool_mutant == 4 || nr >/
1s/^/extern unsigned int tool_mutant;\n/
