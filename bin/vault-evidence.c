/* ab-vault evidence: what was kept, sealed, of a session's bookings. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "store/vault.h"
#include "vault-command.h"

static int list(const char *session)
{
	struct err e;
	char *dir = evidence_path(session, NULL, &e);
	struct dirent *entry;
	jv names = jv_array();
	DIR *d;

	if (!dir)
		die_err(&e);
	if ((d = opendir(dir))) {
		while ((entry = readdir(d)))
			if (entry->d_name[0] != '.')
				names = json_push(names, jv_string(entry->d_name));
		closedir(d);
	} else if (errno != ENOENT) {
		die(EX_IOERR, "open %s:", dir);
	}
	names = jv_sort(names, jv_copy(names));
	for (struct json_iter it = json_iter(names); json_next(&it);) {
		put(json_string(it.value, ""));
		put("\n");
	}
	jv_free(names);
	free(dir);
	return 0;
}

static int show(const char *session, const char *name)
{
	struct master *m;
	struct subkey *k;
	struct str out;
	struct err e;
	int r;

	if (keys_have(session, PART_EVIDENCE)) {
		r = evidence_get(session, name, &out, &e);
	} else {
		m = unlock();
		k = secret_alloc(sizeof *k);
		master_subkey(m, session, PART_EVIDENCE, k);
		r = evidence_open(session, name, k, &out, &e);
		secret_free(k);
		master_close(m);
	}
	if (r)
		die_err(&e);
	if (fs_write_all(STDOUT_FILENO, str_text(&out), out.len))
		die(EX_IOERR, "write standard output:");
	if (out.s)
		secret_wipe(out.s, out.cap);
	str_free(&out);
	return 0;
}

static int evidence_run(char **operands)
{
	const char *session = operands[0], *what = operands[1] ? operands[1] : "list", *name = operands[1] ? operands[2] : NULL;

	if (strcmp(what, "list") == 0 && !name)
		return list(session);
	if (strcmp(what, "show") == 0 && name)
		return show(session, name);
	opt_usage("usage: ab-vault evidence SESSION [list | show FILE]");
}

const struct command evidence_command = {
	"evidence", "evidence SESSION [list | show FILE]", "Lists what was kept of a session's bookings, or opens one piece to standard output.",
	NULL, 1, 3, false, evidence_run,
};
