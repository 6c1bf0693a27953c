#include "hwprofiles/xml.h"

#include <ctype.h>
#include <string.h>

void haq_xml_init(struct haq_xml *x, const char *file, char *text, size_t len)
{
    *x = (struct haq_xml){
        .file = file, .at = text, .end = text + len, .line = 1};
}

haq_status haq_xml_bad(const struct haq_xml *x, const char *why,
                       struct haq_diag *d)
{
    return haq_fail(d, HAQ_FORMAT, "%s, line %zu: %s", x->file, x->line, why);
}

const char *haq_xml_get(const struct haq_xml *x, const char *name)
{
    for (size_t i = 0; i < x->n_attrs; i++)
        if (!strcmp(x->attr[i].name, name))
            return x->attr[i].value;
    return NULL;
}

/* Move to `to`, counting lines. */
static void advance(struct haq_xml *x, char *to)
{
    for (; x->at < to; x->at++)
        x->line += *x->at == '\n';
}

static void skip_space(struct haq_xml *x)
{
    char *p = x->at;
    while (isspace((unsigned char)*p))
        p++;
    advance(x, p);
}

static bool starts(const struct haq_xml *x, const char *word)
{
    return !strncmp(x->at, word, strlen(word));
}

/* Behind the next `word`; false when it does not come. */
static bool skip_past(struct haq_xml *x, const char *word)
{
    char *p = strstr(x->at, word);
    if (!p)
        return false;
    advance(x, p + strlen(word));
    return true;
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == ':' ||
           c == '.';
}

/* A name at x->at; *stop is the character behind it, where a NUL now stands. */
static const char *take_name(struct haq_xml *x, char *stop)
{
    char *name = x->at, *p = name;
    while (name_char(*p))
        p++;
    *stop = *p;
    if (p == name)
        return NULL;
    x->at = p;
    *p = 0;
    return name;
}

/* Replaces the named entities, which only makes text shorter. */
static bool decode(char *text)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = {{"&quot;", '"'},
                    {"&apos;", '\''},
                    {"&lt;", '<'},
                    {"&gt;", '>'},
                    {"&amp;", '&'}};
    enum { N = sizeof entities / sizeof *entities };
    char *to = text;
    while (*text) {
        size_t i = 0;
        if (*text != '&') {
            *to++ = *text++;
            continue;
        }
        while (i < N &&
               strncmp(text, entities[i].name, strlen(entities[i].name)) != 0)
            i++;
        if (i == N)
            return false;
        *to++ = entities[i].c;
        text += strlen(entities[i].name);
    }
    *to = 0;
    return true;
}

/* ="value" behind an attribute's name, of which `c` was the next character. */
static haq_status take_value(struct haq_xml *x, char c, const char **out,
                             struct haq_diag *d)
{
    if (c != '=' || (x->at[1] != '"' && x->at[1] != '\''))
        return haq_xml_bad(x, "an attribute without a quoted value", d);
    char quote = x->at[1], *value = x->at + 2, *end = strchr(value, quote);
    if (!end)
        return haq_xml_bad(x, "an attribute's value does not end", d);
    advance(x, end + 1);
    *end = 0;
    if (strchr(value, '<') || !decode(value))
        return haq_xml_bad(x, "a value holds '<' or an unknown entity", d);
    *out = value;
    return HAQ_OK;
}

static haq_status take_attrs(struct haq_xml *x, struct haq_diag *d)
{
    x->n_attrs = 0;
    for (skip_space(x); name_char(*x->at); skip_space(x)) {
        struct haq_xml_attr *a = &x->attr[x->n_attrs];
        char c;
        if (x->n_attrs == HAQ_XML_ATTRS)
            return haq_xml_bad(x, "too many attributes", d);
        const char *name = take_name(x, &c);
        haq_status s = take_value(x, c, &a->value, d);
        if (s != HAQ_OK)
            return s;
        if (haq_xml_get(x, name))
            return haq_xml_bad(x, "an attribute stands there twice", d);
        a->name = name;
        x->n_attrs++;
    }
    return HAQ_OK;
}

/* The end of a start tag, whose next character is c. */
static haq_status end_start(struct haq_xml *x, char c, struct haq_diag *d)
{
    x->empty = c == '/';
    if (x->empty)
        c = *++x->at;
    if (c != '>')
        return haq_xml_bad(x, "a tag does not end", d);
    x->at++;
    if (x->depth == HAQ_XML_DEPTH)
        return haq_xml_bad(x, "elements are nested too deeply", d);
    x->stack[x->depth++] = x->name;
    return HAQ_OK;
}

static haq_status start_tag(struct haq_xml *x, struct haq_diag *d)
{
    char c;
    x->at++;
    x->name = take_name(x, &c);
    if (!x->name)
        return haq_xml_bad(x, "'<' without a name", d);
    x->n_attrs = 0;
    if (isspace((unsigned char)c)) {
        x->line += c == '\n';
        x->at++;
        haq_status s = take_attrs(x, d);
        if (s != HAQ_OK)
            return s;
        c = *x->at;
    }
    return end_start(x, c, d);
}

static haq_status end_tag(struct haq_xml *x, struct haq_diag *d)
{
    char c;
    x->at += 2;
    x->name = take_name(x, &c);
    if (!x->name || c != '>')
        return haq_xml_bad(x, "a closing tag does not end", d);
    x->at++;
    if (!x->depth || strcmp(x->stack[x->depth - 1], x->name) != 0)
        return haq_xml_bad(x, "a closing tag that nothing opened", d);
    x->depth--;
    return HAQ_OK;
}

/* To the next tag of an element, past text, comments and the prologue. */
static haq_status find_tag(struct haq_xml *x, struct haq_diag *d)
{
    for (;;) {
        size_t text = strcspn(x->at, "<");
        advance(x, x->at + text);
        if (starts(x, "<!--")) {
            if (!skip_past(x, "-->"))
                return haq_xml_bad(x, "a comment does not end", d);
        } else if (starts(x, "<?")) {
            if (!skip_past(x, "?>"))
                return haq_xml_bad(x, "'<?' does not end", d);
        } else if (starts(x, "<!DOCTYPE")) {
            size_t n = strcspn(x->at, "[>");
            if (x->at[n] != '>')
                return haq_xml_bad(x, "a document type with a definition", d);
            advance(x, x->at + n + 1);
        } else {
            return HAQ_OK;
        }
    }
}

haq_status haq_xml_next(struct haq_xml *x, enum haq_xml_event *event,
                        struct haq_diag *d)
{
    haq_status s;

    *event = HAQ_XML_CLOSE;
    if (x->empty) {
        x->empty = false;
        x->name = x->stack[--x->depth];
        return HAQ_OK;
    }
    s = find_tag(x, d);
    if (s != HAQ_OK)
        return s;
    if (!*x->at) {
        if (x->at != x->end)
            return haq_xml_bad(x, "a NUL byte", d);
        if (x->depth)
            return haq_xml_bad(x, "the file ends within an element", d);
        *event = HAQ_XML_END;
        return HAQ_OK;
    }
    if (x->at[1] == '/')
        return end_tag(x, d);
    *event = HAQ_XML_OPEN;
    return start_tag(x, d);
}
