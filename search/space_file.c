#include "search/space_file.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"

enum { FILE_MAX = 1 << 20, SHOWN = 40 };

struct reader {
    const char *path;
    yaml_document_t doc;
    struct haq_rules *rules;
    unsigned *formats;
    struct haq_diag *d;
};

/* ---- nodes ----------------------------------------------------------------*/

static yaml_node_t *node_at(struct reader *r, int index)
{
    return yaml_document_get_node(&r->doc, index);
}

/* FORMAT with the place of a node in front. */
#define REFUSE(r, node, ...)                                                   \
    refuse(r, node, haq_fail((r)->d, HAQ_FORMAT, __VA_ARGS__))
static haq_status refuse(const struct reader *r, const yaml_node_t *n,
                         haq_status s)
{
    char where[300];
    snprintf(where, sizeof where, "%.250s:%zu:%zu", r->path,
             n->start_mark.line + 1, n->start_mark.column + 1);
    return haq_fail_in(r->d, s, where);
}

/* "file:line:column" in the arena, for what turns out wrong later. */
static const char *place(const struct reader *r, const yaml_node_t *n)
{
    return haq_arena_printf(r->rules->arena, "%.250s:%zu:%zu", r->path,
                            n->start_mark.line + 1, n->start_mark.column + 1);
}

static haq_status nomem(const struct reader *r)
{
    return haq_fail(r->d, HAQ_NOMEM, "%s", r->path);
}

/* Text of a scalar without NULs; *text is borrowed from the document. */
static haq_status text_of(const struct reader *r, const yaml_node_t *n,
                          const char *what, const char **text)
{
    *text = "";
    if (n->type != YAML_SCALAR_NODE)
        return REFUSE(r, n, "%s is to be one word", what);
    *text = (const char *)n->data.scalar.value;
    if (strlen(*text) != n->data.scalar.length)
        return REFUSE(r, n, "%s holds a zero byte", what);
    return HAQ_OK;
}

/* Call `each` with the scalar itself, or with every item of a list of them. */
typedef haq_status item_fn(struct reader *r, const yaml_node_t *n,
                           const char *text, void *ctx);
static haq_status each_item(struct reader *r, const yaml_node_t *n,
                            const char *what, item_fn *each, void *ctx)
{
    haq_status s = HAQ_OK;
    const char *text;
    if (n->type == YAML_SCALAR_NODE) {
        s = text_of(r, n, what, &text);
        return s == HAQ_OK ? each(r, n, text, ctx) : s;
    }
    if (n->type != YAML_SEQUENCE_NODE)
        return REFUSE(r, n, "%s: a word or a list of them is needed", what);
    const yaml_node_item_t *i = n->data.sequence.items.start;
    if (i == n->data.sequence.items.top)
        return REFUSE(r, n, "%s: the list is empty", what);
    for (; i < n->data.sequence.items.top && s == HAQ_OK; i++) {
        const yaml_node_t *item = node_at(r, *i);
        s = text_of(r, item, what, &text);
        if (s == HAQ_OK)
            s = each(r, item, text, ctx);
    }
    return s;
}

/* ---- values ---------------------------------------------------------------*/

static haq_status add_format(struct reader *r, const yaml_node_t *n,
                             const char *text, void *ctx)
{
    haq_options set, *sum = ctx;
    if (!haq_options_parse(&set, text, strlen(text)))
        return REFUSE(r, n,
                      "\"%.*s\" is no format that a search can use; there "
                      "are: binary, ternary, int2 to int8, float, with "
                      ":channel or :group32 if need be",
                      SHOWN, text);
    *sum |= set;
    return HAQ_OK;
}

/* A rule at a node. */
static haq_status add_rule(struct reader *r, const yaml_node_t *n,
                           const char *pattern, haq_options keep)
{
    struct haq_rule rule = {
        .where = place(r, n), .keep = keep, .blame = HAQ_INVALID};
    if (pattern)
        rule.pattern = haq_arena_strdup(r->rules->arena, pattern);
    if (!rule.where || (pattern && !rule.pattern))
        return nomem(r);
    return haq_rules_add(r->rules, &rule, r->d);
}

static haq_status read_version(struct reader *r, const yaml_node_t *n)
{
    const char *text;
    haq_status s = text_of(r, n, "space", &text);
    if (s == HAQ_OK && strcmp(text, "1") != 0)
        return REFUSE(r, n, "space is of version %.*s, this program knows 1",
                      SHOWN, text);
    return s;
}

static haq_status use_format(struct reader *r, const yaml_node_t *n,
                             const char *text, void *ctx)
{
    unsigned mask;
    (void)ctx;
    haq_status s = haq_space_formats_parse(&mask, text, r->d);
    if (s != HAQ_OK)
        return REFUSE(r, n,
                      "\"%.*s\" is no format that a search can use; there "
                      "are: binary, ternary, int2 to int8, float",
                      SHOWN, text);
    *r->formats |= mask;
    return HAQ_OK;
}

static haq_status read_formats(struct reader *r, const yaml_node_t *n)
{
    return each_item(r, n, "formats", use_format, NULL);
}

static haq_status read_ends(struct reader *r, const yaml_node_t *n)
{
    const char *text;
    haq_options set = 0;
    haq_status s = text_of(r, n, "first_last", &text);
    if (s != HAQ_OK || !strcmp(text, "free"))
        return s;
    s = add_format(r, n, text, &set);
    return s == HAQ_OK ? add_rule(r, n, NULL, set) : s;
}

/* {PATTERN: FORMAT or list}, each a rule. */
static haq_status read_named(struct reader *r, const yaml_node_t *n,
                             const char *what, bool pin)
{
    haq_status s = HAQ_OK;
    if (n->type != YAML_MAPPING_NODE)
        return REFUSE(r, n,
                      "%s: layers with their formats are needed, as in "
                      "%s: {conv1: int8}",
                      what, what);
    for (const yaml_node_pair_t *p = n->data.mapping.pairs.start;
         p < n->data.mapping.pairs.top && s == HAQ_OK; p++) {
        const yaml_node_t *key = node_at(r, p->key);
        const char *pattern;
        haq_options set = 0;
        s = text_of(r, key, what, &pattern);
        if (s == HAQ_OK)
            s = each_item(r, node_at(r, p->value), what, add_format, &set);
        if (s == HAQ_OK)
            s = add_rule(r, key, pattern, pin ? set : ~set);
    }
    return s;
}

static haq_status read_pin(struct reader *r, const yaml_node_t *n)
{
    return read_named(r, n, "pin", true);
}

static haq_status read_ban(struct reader *r, const yaml_node_t *n)
{
    return read_named(r, n, "ban", false);
}

/* Words that stand for sets of options. */
struct word {
    const char *name;
    haq_options set;
};

static haq_status add_word(struct reader *r, const yaml_node_t *n,
                           const char *text, const struct word *words,
                           const char *known, haq_options *sum)
{
    for (; words->name; words++)
        if (!strcmp(words->name, text)) {
            *sum |= words->set;
            return HAQ_OK;
        }
    return REFUSE(r, n, "\"%.*s\" is none of %s", SHOWN, text, known);
}

static haq_status add_act(struct reader *r, const yaml_node_t *n,
                          const char *text, void *ctx)
{
    const struct word words[] = {{"static", haq_options_act(HAQ_ACT_STATIC)},
                                 {"dynamic", haq_options_act(HAQ_ACT_DYNAMIC)},
                                 {"float", haq_options_act(HAQ_ACT_FLOAT)},
                                 {0}};
    return add_word(r, n, text, words, "static, dynamic, float", ctx);
}

static haq_status add_grain(struct reader *r, const yaml_node_t *n,
                            const char *text, void *ctx)
{
    haq_options set[HAQ_GRAIN_VALUES] = {0};
    for (int g = 0; g < HAQ_GRAIN_VALUES; g++)
        for (int w = 0; w < HAQ_WEIGHT_FLOAT; w++)
            set[g] |= haq_options_weight(w, g);
    const struct word words[] = {{"channel", set[HAQ_GRAIN_CHANNEL]},
                                 {"group32", set[HAQ_GRAIN_GROUP]},
                                 {0}};
    return add_word(r, n, text, words, "channel, group32", ctx);
}

/* Of quantized layers; float is the business of formats. */
static haq_status read_words(struct reader *r, const yaml_node_t *n,
                             const char *what, item_fn *add)
{
    haq_options set = haq_options_weight(HAQ_WEIGHT_FLOAT, -1);
    haq_status s = each_item(r, n, what, add, &set);
    return s == HAQ_OK ? add_rule(r, n, "*", set) : s;
}

static haq_status read_acts(struct reader *r, const yaml_node_t *n)
{
    return read_words(r, n, "activations", add_act);
}

static haq_status read_grains(struct reader *r, const yaml_node_t *n)
{
    return read_words(r, n, "granularities", add_grain);
}

static haq_status add_name(struct reader *r, const yaml_node_t *n,
                           const char *text, void *ctx)
{
    struct haq_tie *tie = ctx;
    (void)n;
    tie->pattern[tie->n] = haq_arena_strdup(r->rules->arena, text);
    return tie->pattern[tie->n++] ? HAQ_OK : nomem(r);
}

static haq_status read_tie(struct reader *r, const yaml_node_t *n)
{
    if (n->type != YAML_SEQUENCE_NODE)
        return REFUSE(r, n, "ties: every group is a list of layers");
    size_t items =
        (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    struct haq_tie tie = {.where = place(r, n),
                          .pattern = haq_arena_array(r->rules->arena, items + 1,
                                                     sizeof(const char *)),
                          .blame = HAQ_INVALID};
    if (!tie.where || !tie.pattern)
        return nomem(r);
    haq_status s = each_item(r, n, "ties", add_name, &tie);
    return s == HAQ_OK ? haq_rules_tie(r->rules, &tie, r->d) : s;
}

static haq_status read_ties(struct reader *r, const yaml_node_t *n)
{
    haq_status s = HAQ_OK;
    if (n->type != YAML_SEQUENCE_NODE)
        return REFUSE(r, n,
                      "ties: a list of groups is needed, as in "
                      "ties: [[conv1, conv2]]");
    for (const yaml_node_item_t *i = n->data.sequence.items.start;
         i < n->data.sequence.items.top && s == HAQ_OK; i++)
        s = read_tie(r, node_at(r, *i));
    return s;
}

/* ---- the file -------------------------------------------------------------*/

static const struct key {
    const char *name;
    haq_status (*read)(struct reader *r, const yaml_node_t *n);
} keys[] = {
    {"space", read_version},
    {"formats", read_formats},
    {"first_last", read_ends},
    {"pin", read_pin},
    {"ban", read_ban},
    {"activations", read_acts},
    {"granularities", read_grains},
    {"ties", read_ties},
};
enum { KEYS = sizeof keys / sizeof *keys };

static haq_status read_key(struct reader *r, const yaml_node_pair_t *p,
                           bool seen[KEYS])
{
    const yaml_node_t *key = node_at(r, p->key);
    const char *text;
    haq_status s = text_of(r, key, "a key", &text);
    if (s != HAQ_OK)
        return s;
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].name, text) != 0)
            continue;
        if (seen[i])
            return REFUSE(r, key, "%s stands there twice", text);
        seen[i] = true;
        return keys[i].read(r, node_at(r, p->value));
    }
    return REFUSE(r, key,
                  "unknown key \"%.*s\"; there are: space, formats, "
                  "first_last, pin, ban, activations, granularities, ties",
                  SHOWN, text);
}

static haq_status read_root(struct reader *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(&r->doc);
    bool seen[KEYS] = {false};
    haq_status s = HAQ_OK;
    if (!root)
        return haq_fail(r->d, HAQ_FORMAT, "%s: the file is empty", r->path);
    if (root->type != YAML_MAPPING_NODE)
        return REFUSE(r, root, "keys with values are needed");
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top && s == HAQ_OK; p++)
        s = read_key(r, p, seen);
    if (s == HAQ_OK && !seen[0])
        return REFUSE(r, root, "\"space: 1\" is missing");
    return s;
}

static haq_status read_text(struct reader *r, const void *text, size_t len)
{
    yaml_parser_t parser;
    haq_status s;
    if (!yaml_parser_initialize(&parser))
        return nomem(r);
    yaml_parser_set_input_string(&parser, text, len);
    if (yaml_parser_load(&parser, &r->doc)) {
        s = read_root(r);
        yaml_document_delete(&r->doc);
    } else if (parser.error == YAML_MEMORY_ERROR)
        s = nomem(r);
    else
        s = haq_fail(r->d, HAQ_FORMAT, "%s:%zu:%zu: no YAML: %s", r->path,
                     parser.problem_mark.line + 1,
                     parser.problem_mark.column + 1,
                     parser.problem ? parser.problem : "unknown reason");
    yaml_parser_delete(&parser);
    return s;
}

haq_status haq_space_file_read(const char *path, struct haq_rules *rules,
                               unsigned *formats, struct haq_diag *d)
{
    struct reader r = {
        .path = path, .rules = rules, .formats = formats, .d = d};
    void *text = NULL;
    size_t len;
    haq_status s = haq_file_read(path, FILE_MAX, &text, &len, d);
    if (s == HAQ_OK)
        s = read_text(&r, text, len);
    free(text);
    return s;
}
