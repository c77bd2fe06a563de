#include "ext/html.h"

#include <libxml/HTMLparser.h>
#include <libxml/HTMLtree.h>
#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

#define DEPTH_MAX 512        /* libxml2's own is 256; browsers stop at 512 */
#define ATTRIBUTES_MAX 250   /* of one tag: duplicates are looked for one by one */
#define ELEMENTS_MAX 400000  /* some 100 bytes each */
#define STEPS_MAX 5000000    /* of one XPath evaluation */
#define CLOCK_EVERY 256      /* elements between two looks at the clock */

struct html {
	htmlDocPtr doc;
	const char *cut;
	bool late;
	unsigned elements;
	int64_t deadline;
};

static void stop(struct html *h, htmlParserCtxtPtr p, const char *why)
{
	if (!h->cut)
		h->cut = why;
	xmlStopParser(p);
}

static void on_element(void *ctx, const xmlChar *name, const xmlChar **attributes)
{
	htmlParserCtxtPtr p = ctx;
	struct html *h = p->_private;

	if (h->cut)
		return;
	if (++h->elements > ELEMENTS_MAX) {
		stop(h, p, "more elements than a page may have");
		return;
	}
	if (h->elements % CLOCK_EVERY == 0 && clock_mono() > h->deadline) {
		h->late = true;
		stop(h, p, "parsing it took too long");
		return;
	}
	xmlSAX2StartElement(ctx, name, attributes);
}

static void silent(void *ctx, const char *format, ...)
{
	(void)ctx, (void)format;
}

/* Ordinary mistakes of markup are no errors here; only what makes the parser drop text is. */
static void on_error(void *ctx, xmlErrorPtr error)
{
	htmlParserCtxtPtr p = ctx;
	struct html *h = p->_private;

	if (h->cut)
		return;
	if (error->code == XML_ERR_COMMENT_NOT_FINISHED || error->code == XML_ERR_ATTRIBUTE_NOT_FINISHED)
		h->cut = "it ends inside a comment or an attribute";
	if (error->level < XML_ERR_FATAL)
		return;
	if (error->message && strstr(error->message, "depth"))
		h->cut = "elements are nested more than 512 deep";
	else if (error->code == XML_ERR_NO_MEMORY)
		h->cut = "out of memory";
}

/* Bytes from the start of the markup to the first tag that has more attributes than we let the parser
 * see; LEN when there is none. Counts what may begin an attribute; scripts may be miscounted, which
 * harms only above the limit. */
static size_t flood(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		const char *open = memchr(s + i, '<', len - i);
		size_t at, names = 0;

		if (!open)
			return len;
		at = (size_t)(open - s) + 1;
		i = at;
		if (at < len && !((s[at] | 32) >= 'a' && (s[at] | 32) <= 'z'))
			continue;
		while (at < len && s[at] != '>' && s[at] != '<') {
			if (s[at] == '"' || s[at] == '\'') {
				const char *close = memchr(s + at + 1, s[at], len - at - 1);

				if (!close)
					break;
				at = (size_t)(close - s) + 1;
			} else if (strchr(" \t\r\n\f/", s[at]) || s[at - 1] == '"' || s[at - 1] == '\'') {
				while (at < len && s[at] && strchr(" \t\r\n\f/", s[at]))
					at++;
				names += at < len && s[at] != '>' && s[at] != '=';
				at += at < len && s[at] != '>' && s[at] != '<' && s[at] != '"' && s[at] != '\'';
			} else {
				at++;
			}
			if (names > ATTRIBUTES_MAX)
				return (size_t)(open - s);
		}
	}
	return len;
}

bool html_flooded(const char *text, size_t len)
{
	return flood(text, len) < len;
}

struct html *html_parse(const char *text, size_t len, int64_t deadline)
{
	struct html *h = xcalloc(1, sizeof *h);
	size_t keep = flood(text, len);
	htmlParserCtxtPtr p;

	xmlParserMaxDepth = DEPTH_MAX;
	xmlSetGenericErrorFunc(NULL, silent);
	h->deadline = deadline;
	p = htmlCreateMemoryParserCtxt(keep ? text : " ", keep && keep < INT_MAX ? (int)keep : 1);
	if (!p)
		die(EX_OSERR, "out of memory");
	/* IGNORE_ENC: the text is UTF-8 now, whatever its meta elements say */
	htmlCtxtUseOptions(p, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
				      HTML_PARSE_IGNORE_ENC);
	xmlSwitchEncoding(p, XML_CHAR_ENCODING_UTF8);
	p->_private = h;
	p->sax->startElement = on_element;
	p->sax->serror = on_error;
	p->sax->initialized = XML_SAX2_MAGIC; /* what makes the parser call serror */
	htmlParseDocument(p);
	if (keep < len && !h->cut)
		h->cut = "a tag has more than 250 attributes";
	h->doc = p->myDoc;
	p->myDoc = NULL;
	htmlFreeParserCtxt(p);
	return h;
}

void html_free(struct html *h)
{
	if (!h)
		return;
	xmlFreeDoc(h->doc);
	free(h);
}

const char *html_cut(const struct html *h)
{
	return h->cut;
}

bool html_late(const struct html *h)
{
	return h->late;
}

html_node *html_root(const struct html *h)
{
	return h->doc ? xmlDocGetRootElement(h->doc) : NULL;
}

/* Keeps the first message of an evaluation. */
static void on_xpath_error(void *ctx, xmlErrorPtr error)
{
	struct err *e = ctx;
	const char *text = error->message ? error->message : "?";

	if (!*e->text)
		err_set(e, EX_DATAERR, "%.*s", (int)strcspn(text, "\n"), text);
}

/* The four functions that CSS's counting needs and XPath has not (page/css.h): index() and index-last(),
 * index-of-type() and index-of-type-last(), all from 1. Each remembers its last answer, because the next
 * question is mostly about the next sibling. */
struct counter {
	const xmlNode *node;
	unsigned long value;
};
static struct counter counters[4];

static bool counts(const xmlNode *n, const xmlNode *as)
{
	return n->type == XML_ELEMENT_NODE && (!as || xmlStrEqual(n->name, as->name));
}

static const xmlNode *beside(const xmlNode *n, bool forward, const xmlNode *as)
{
	do
		n = forward ? n->next : n->prev;
	while (n && !counts(n, as));
	return n;
}

static void count_siblings(xmlXPathParserContextPtr p, struct counter *last, bool forward, bool of_type)
{
	const xmlNode *node = p->context->node, *as = of_type ? node : NULL, *n = node, *before;
	unsigned long value = 1, steps = 0;

	before = node->type == XML_ELEMENT_NODE ? beside(node, false, as) : NULL;
	if (forward && before && before == last->node) {
		value = last->value - 1;
	} else if (node->type == XML_ELEMENT_NODE) {
		while ((n = beside(n, forward, as)) && n != last->node) {
			value++;
			steps++;
		}
		if (n)
			value += last->value;
	}
	p->context->opCount += steps;
	if (p->context->opCount > p->context->opLimit) {
		xmlXPathErr(p, XPATH_OP_LIMIT_EXCEEDED);
		return;
	}
	*last = (struct counter){node, value};
	valuePush(p, xmlXPathNewFloat((double)value));
}

static void fn_index(xmlXPathParserContextPtr ctxt, int nargs)
{
	CHECK_ARITY(0);
	count_siblings(ctxt, &counters[0], false, false);
}

static void fn_index_last(xmlXPathParserContextPtr ctxt, int nargs)
{
	CHECK_ARITY(0);
	count_siblings(ctxt, &counters[1], true, false);
}

static void fn_index_of_type(xmlXPathParserContextPtr ctxt, int nargs)
{
	CHECK_ARITY(0);
	count_siblings(ctxt, &counters[2], false, true);
}

static void fn_index_of_type_last(xmlXPathParserContextPtr ctxt, int nargs)
{
	CHECK_ARITY(0);
	count_siblings(ctxt, &counters[3], true, true);
}

static void register_functions(xmlXPathContextPtr c)
{
	memset(counters, 0, sizeof counters); /* another tree may have reused the addresses */
	xmlXPathRegisterFunc(c, BAD_CAST "index", fn_index);
	xmlXPathRegisterFunc(c, BAD_CAST "index-last", fn_index_last);
	xmlXPathRegisterFunc(c, BAD_CAST "index-of-type", fn_index_of_type);
	xmlXPathRegisterFunc(c, BAD_CAST "index-of-type-last", fn_index_of_type_last);
}

static void take_nodes(struct html_found *found, xmlXPathObjectPtr result)
{
	xmlNodeSetPtr set = result->nodesetval;
	int n = set ? set->nodeNr : 0;

	found->nodes = xcalloc((size_t)n, sizeof *found->nodes);
	for (int i = 0; i < n; i++)
		if (set->nodeTab[i]->type != XML_NAMESPACE_DECL)
			found->nodes[found->n++] = set->nodeTab[i];
}

static void take_result(struct html_found *found, xmlXPathObjectPtr result)
{
	xmlChar *text;

	found->truth = xmlXPathCastToBoolean(result);
	if (result->type == XPATH_NODESET) {
		take_nodes(found, result);
		return;
	}
	text = xmlXPathCastToString(result);
	found->scalar = xstrdup(text ? (char *)text : "");
	xmlFree(text);
}

enum html_select html_select(struct html *h, html_node *from, const char *xpath, struct html_found *found,
			     struct err *e)
{
	struct err why = {0};
	xmlXPathContextPtr c;
	xmlXPathObjectPtr result;
	bool limit;

	*found = (struct html_found){0};
	if (!html_root(h))
		return HTML_FOUND;
	c = xmlXPathNewContext(h->doc);
	if (!c)
		die(EX_OSERR, "out of memory");
	c->opLimit = STEPS_MAX;
	c->error = on_xpath_error;
	c->userData = &why;
	c->node = from ? from : (xmlNodePtr)h->doc;
	register_functions(c);
	xmlXPathRegisterVariable(c, BAD_CAST "scope", xmlXPathNewNodeSet(from ? from : html_root(h)));
	result = xmlXPathEval(BAD_CAST xpath, c);
	limit = c->lastError.code == XML_XPATH_EXPRESSION_OK + XPATH_OP_LIMIT_EXCEEDED || strstr(why.text, "imit exceeded") ||
		strstr(why.text, "ecursion");
	if (result)
		take_result(found, result);
	xmlXPathFreeObject(result);
	xmlXPathFreeContext(c);
	if (result)
		return HTML_FOUND;
	if (limit)
		err_set(e, EX_DATAERR, "it takes more than %d steps on this page", STEPS_MAX);
	else
		err_set(e, EX_DATAERR, "%s", *why.text ? why.text : "not an XPath expression");
	return limit ? HTML_LIMIT : HTML_MALFORMED;
}

void html_found_free(struct html_found *found)
{
	free(found->nodes);
	free(found->scalar);
	*found = (struct html_found){0};
}

html_node *html_parent(const html_node *n)
{
	return n->parent && n->parent->type == XML_ELEMENT_NODE ? n->parent : NULL;
}

html_node *html_child(const html_node *n)
{
	return n->type == XML_ELEMENT_NODE ? n->children : NULL;
}

html_node *html_next(const html_node *n)
{
	return n->next;
}

html_node *html_walk(const html_node *n, const html_node *top, bool skip)
{
	if (!skip && html_child(n))
		return html_child(n);
	while (n && n != top) {
		if (n->next)
			return n->next;
		n = n->parent;
	}
	return NULL;
}

bool html_is_element(const html_node *n)
{
	return n->type == XML_ELEMENT_NODE;
}

const char *html_name(const html_node *n)
{
	return n->type == XML_ELEMENT_NODE ? (const char *)n->name : "";
}

bool html_is(const html_node *n, const char *name)
{
	return strcmp(html_name(n), name) == 0;
}

const char *html_text(const html_node *n)
{
	return n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE ? (const char *)n->content : NULL;
}

bool html_has(const html_node *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && xmlHasProp(n, BAD_CAST name);
}

char *html_attr(const html_node *n, const char *name)
{
	xmlChar *value;
	char *copy;

	if (!html_has(n, name))
		return NULL;
	value = xmlGetNoNsProp(n, BAD_CAST name);
	copy = xstrdup(value ? (char *)value : "");
	xmlFree(value);
	return copy;
}

char *html_content(const html_node *n)
{
	xmlChar *text = xmlNodeGetContent(n);
	char *copy = xstrdup(text ? (char *)text : "");

	xmlFree(text);
	return copy;
}
