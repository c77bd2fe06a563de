/* The journal: what stands, what is open, and what a crash while writing leaves.
 * usage: journal-test  (with AB_STATE set to an empty folder) */
#include "store/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

static int failed;
static struct err e;

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			printf("failed: line %d: %s\n", __LINE__, #cond); \
			failed = 1; \
		} \
	} while (0)

static void add(struct journal *j, const char *text)
{
	if (journal_add(j, json_parse(text, strlen(text), &e), &e))
		die_err(&e);
}

static bool is_object(jv v)
{
	bool yes = json_is(v, JV_KIND_OBJECT);

	jv_free(v);
	return yes;
}

static size_t count(jv v)
{
	size_t n = json_len(v);

	jv_free(v);
	return n;
}

#define RESULT(goal, attempt, status, id) \
	"{\"what\":\"result\",\"goal\":\"" goal "\",\"attempt\":" attempt ",\"event\":{\"id\":\"" id "\",\"data\":{\"status\":\"" status "\"}}}"

static void test_states(void)
{
	struct journal *j = journal_open("states", &e);

	CHECK(!is_object(journal_open_intent(j)));
	add(j, "{\"what\":\"intent\",\"goal\":\"g\",\"attempt\":1}");
	CHECK(is_object(journal_open_intent(j)));
	add(j, "{\"what\":\"unsent\",\"goal\":\"g\",\"attempt\":1}");
	CHECK(!is_object(journal_open_intent(j)));
	add(j, "{\"what\":\"intent\",\"goal\":\"g\",\"attempt\":2}");
	add(j, "{\"what\":\"known\",\"goal\":\"g\",\"attempt\":2,\"booking\":{\"reference\":\"R\"}}");
	CHECK(is_object(journal_known(j, "g", 2)) && !is_object(journal_known(j, "g", 1)));
	add(j, RESULT("g", "2", "unknown", "e1"));
	CHECK(!is_object(journal_open_intent(j)) && is_object(journal_standing(j, "g")) && is_object(journal_standing(j, NULL)));
	CHECK(!is_object(journal_standing(j, "other")));
	add(j, RESULT("g", "2", "failed", "e2"));
	CHECK(!is_object(journal_standing(j, "g")));
	add(j, RESULT("g", "3", "booked", "e3"));
	CHECK(is_object(journal_standing(j, "g")) && is_object(journal_result(j, "g", 3)) && !is_object(journal_result(j, "g", 4)));
	CHECK(count(journal_untold(j)) == 3);
	add(j, "{\"what\":\"told\",\"id\":\"e2\"}");
	CHECK(count(journal_untold(j)) == 2);
	journal_free(j);
	j = journal_read("states", &e);
	CHECK(is_object(journal_standing(j, "g")) && count(journal_untold(j)) == 2);
	journal_free(j);
}

/* Cut at every byte: what was whole before the cut is there, nothing else, and the next record fits on. */
static void test_torn(void)
{
	struct journal *j = journal_open("torn", &e);
	struct str whole;
	char *path = path_state("torn", "journal.ndjson", &e);

	add(j, "{\"what\":\"intent\",\"goal\":\"g\",\"attempt\":1}");
	add(j, RESULT("g", "1", "booked", "e1"));
	journal_free(j);
	if (fs_read(path, 65536, &whole, &e))
		die_err(&e);
	size_t first = (size_t)(strchr(whole.s, '\n') - whole.s) + 1;

	for (size_t cut = 0; cut <= whole.len; cut++) {
		if (fs_replace(path, whole.s, cut, &e))
			die_err(&e);
		j = journal_open("torn", &e);
		CHECK(j != NULL);
		CHECK(is_object(journal_open_intent(j)) == (cut >= first && cut < whole.len));
		CHECK(is_object(journal_standing(j, "g")) == (cut == whole.len));
		add(j, "{\"what\":\"told\",\"id\":\"x\"}");
		journal_free(j);
		j = journal_open("torn", &e);
		CHECK(j != NULL);
		journal_free(j);
	}
	/* damage in the middle is not passed over */
	whole.s[0] = 'x';
	if (fs_replace(path, whole.s, whole.len, &e))
		die_err(&e);
	CHECK(journal_open("torn", &e) == NULL && strstr(e.text, "line 1 is damaged"));
	str_free(&whole);
	free(path);
}

int main(void)
{
	test_states();
	test_torn();
	return failed;
}
