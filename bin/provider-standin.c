/* What stands in for secrets. */
#include "provider-secret.h"

#include <stdlib.h>
#include <string.h>

/* A figure of a stand-in; consonants, which make no words. */
static char like(uint32_t folded, uint64_t *random)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz";
	uint64_t z = *random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	if (secret_figure(folded))
		return (char)('0' + (z >> 33) % 10);
	return secret_letter(folded) ? letters[(z >> 33) % (sizeof letters - 1)] : '\0';
}

uint64_t stand_in_seed(const char *name, unsigned again)
{
	uint64_t h = 0xcbf29ce484222325u ^ again;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return h;
}

/* What shorter ones are in it has theirs. */
static void borrow(struct secrets *s, size_t index, char *made)
{
	struct secret *mine = &s->list[index];

	for (size_t i = index + 1; i < s->n; i++) {
		const struct secret *other = &s->list[i];

		for (size_t k = 0; other->n < mine->n && k + other->n <= mine->n; k++)
			if (memcmp(mine->folded + k, other->folded, other->n * sizeof *other->folded) == 0)
				memcpy(made + k, other->stand_in, other->n);
	}
}

/* Nobody's address: no country and no trade has the domain zz. */
static void no_domain(const struct secret *x, char *made)
{
	size_t dot = x->n;

	for (size_t i = 0; i < x->n; i++)
		if (x->folded[i] == '@')
			dot = 0;
	for (size_t i = x->n; dot == 0 && i-- > 0;)
		if (x->folded[i] == '.')
			dot = i + 1;
	for (size_t i = dot ? dot : x->n; i < x->n; i++)
		made[i] = 'z';
}

static bool holds_another(const struct secrets *s, const struct secret *mine)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct secret *other = &s->list[i];

		for (size_t k = 0; k + other->n <= mine->n; k++) {
			size_t j = 0;

			while (j < other->n && (mine->stand_in[k + j] ? (uint32_t)(unsigned char)mine->stand_in[k + j] == other->folded[j]
									  : mine->folded[k + j] == other->folded[j]))
				j++;
			if (j == other->n)
				return true;
		}
	}
	return false;
}

/* The shortest first. Those that were made stay. */
void stand_ins_make(struct secrets *s)
{
	for (size_t i = s->n; i-- > 0;) {
		struct secret *x = &s->list[i];

		bool made_before = x->stand_in;

		for (unsigned again = 0; !made_before && (!x->stand_in || (again < 50 && holds_another(s, x))); again++) {
			uint64_t random = stand_in_seed(x->name, again + x->number * 1000);
			char *made = xmalloc(x->n + 1);

			for (size_t k = 0; k < x->n; k++)
				made[k] = like(x->folded[k], &random);
			borrow(s, i, made);
			no_domain(x, made);
			free(x->stand_in);
			x->stand_in = made;
		}
	}
}
