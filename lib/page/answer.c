#include "page/answer.h"

void answer_free(struct answer *a)
{
	url_free(&a->url);
	str_free(&a->head);
	str_free(&a->body);
}
