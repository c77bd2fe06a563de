#include "mail/seen.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a */
uint64_t seen_hash(const char *name, size_t len)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 1099511628211u;
	return h ? h : 1;
}

bool seen_has(const struct seen *s, uint64_t h)
{
	for (size_t i = s->size ? h & (s->size - 1) : 0; s->size && s->slots[i]; i = (i + 1) & (s->size - 1))
		if (s->slots[i] == h)
			return true;
	return false;
}

void seen_add(struct seen *s, uint64_t h)
{
	size_t i;

	if (s->used * 2 >= s->size) {
		struct seen bigger = {.size = s->size ? s->size * 2 : 1024};

		bigger.slots = xcalloc(bigger.size, sizeof *bigger.slots);
		for (size_t n = 0; n < s->size; n++)
			if (s->slots[n])
				seen_add(&bigger, s->slots[n]);
		free(s->slots);
		*s = bigger;
	}
	for (i = h & (s->size - 1); s->slots[i]; i = (i + 1) & (s->size - 1))
		if (s->slots[i] == h)
			return;
	s->slots[i] = h;
	s->used++;
}

void seen_free(struct seen *s)
{
	free(s->slots);
	*s = (struct seen){0};
}

void seen_put(struct str *text, uint64_t hash)
{
	str_addf(text, "%016llx", (unsigned long long)hash);
}

void seen_add_text(struct seen *s, const char *text)
{
	char hex[17] = "";

	for (; strlen(text) >= 16; text += 16) {
		uint64_t h;

		memcpy(hex, text, 16);
		h = strtoull(hex, NULL, 16);
		if (h)
			seen_add(s, h);
	}
}
