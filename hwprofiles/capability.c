#include "hwprofiles/capability.h"

#include <string.h>

enum { WORDS_MAX = 64, NUMBER_MAX = 1 << 20 };

static const char *const supports[] = {
    [HAQ_SUPPORT_NO] = "no",
    [HAQ_SUPPORT_EMULATED] = "emulated",
    [HAQ_SUPPORT_NATIVE] = "native",
    NULL,
};

const char *haq_support_name(enum haq_support s)
{
    return supports[s];
}

#define ROW(type, member, ...)                                                 \
    HAQ_FIELD(type, struct haq_capability, member, __VA_ARGS__)
static const struct haq_field rows[] = {
    ROW(TEXTS, ops, true, .max = WORDS_MAX),
    ROW(TEXTS, weights, true, .max = WORDS_MAX),
    ROW(TEXTS, activations, true, .max = WORDS_MAX),
    ROW(TEXTS, granularities, true, .max = WORDS_MAX),
    ROW(WORD, support, true, .words = supports),
    ROW(TEXT, kernel, false),
    ROW(TEXT, note, false),
    ROW(COUNT, group_of, false, .max = NUMBER_MAX),
    ROW(COUNT, channels_of, false, .max = NUMBER_MAX),
    ROW(COUNT, reduction_of, false, .max = NUMBER_MAX),
    ROW(COUNT, one_group, false, .max = 1),
};
const struct haq_fields haq_capability_fields =
    HAQ_FIELDS("capability", struct haq_capability, rows);

/* ---- words ----------------------------------------------------------------
 */

static const char *const ops[] = {"conv", "grouped", "depthwise", "matmul",
                                  NULL};
static const char *const granularities[] = {"tensor", "channel", "group", NULL};

void haq_activation_word(char out[32], const struct haq_format *f, bool dynamic)
{
    const char *how = !f->integer ? "" : dynamic ? ":dynamic" : ":static";
    snprintf(out, 32, "%s%s", f->name, how);
}

/* Is `word` the pattern, or one that begins like it? */
static bool matches(const char *pattern, const char *word)
{
    size_t n = strlen(pattern);
    if (n && pattern[n - 1] == '*')
        return !strncmp(pattern, word, n - 1);
    return !strcmp(pattern, word);
}

bool haq_words_have(const struct haq_list *words, const char *word)
{
    const char *const *w = words->item;
    for (size_t i = 0; i < words->n; i++)
        if (matches(w[i], word))
            return true;
    return false;
}

static bool known_in(const char *const *list, const char *pattern)
{
    while (*list && !matches(pattern, *list))
        list++;
    return *list;
}

static bool known_op(const char *pattern)
{
    return known_in(ops, pattern);
}

static bool known_granularity(const char *pattern)
{
    return known_in(granularities, pattern);
}

static bool known_weight(const char *pattern)
{
    for (const struct haq_format *f = haq_formats; f->name; f++)
        if (matches(pattern, f->name))
            return true;
    return false;
}

static bool known_activation(const char *pattern)
{
    for (const struct haq_format *f = haq_formats; f->name; f++)
        for (int dynamic = 0; dynamic < 2 && !f->fit && !f->coder; dynamic++) {
            char word[32];
            haq_activation_word(word, f, dynamic);
            if (matches(pattern, word))
                return true;
        }
    return false;
}

static haq_status check_words(const struct haq_list *words, const char *where,
                              const char *key, bool (*known)(const char *),
                              struct haq_diag *d)
{
    const char *const *w = words->item;
    if (!words->n)
        return haq_fail(d, HAQ_FORMAT, "%s.%s: no word", where, key);
    for (size_t i = 0; i < words->n; i++)
        if (!known(w[i]))
            return haq_fail(d, HAQ_FORMAT, "%s.%s: \"%.60s\" is not known here",
                            where, key, w[i]);
    return HAQ_OK;
}

haq_status haq_capability_check(const struct haq_capability *c,
                                const char *where, struct haq_diag *d)
{
    haq_status s = check_words(&c->ops, where, "ops", known_op, d);
    if (s == HAQ_OK)
        s = check_words(&c->weights, where, "weights", known_weight, d);
    if (s == HAQ_OK)
        s = check_words(&c->activations, where, "activations", known_activation,
                        d);
    if (s == HAQ_OK)
        s = check_words(&c->granularities, where, "granularities",
                        known_granularity, d);
    return s;
}

/* ---- rows -----------------------------------------------------------------
 */

static bool split(struct haq_list *out, struct haq_arena *a, const char *list)
{
    char *copy = haq_arena_strdup(a, list), *rest = NULL;
    if (!copy)
        return false;
    for (char *word = strtok_r(copy, ",", &rest); word;
         word = strtok_r(NULL, ",", &rest)) {
        const char **item = haq_list_add(out, sizeof *item, a);
        if (!item)
            return false;
        *item = word;
    }
    return true;
}

struct haq_capability *
haq_capability_add(struct haq_list *list, struct haq_arena *a,
                   const char *op_words, const char *weights,
                   const char *activations, const char *granularity_words)
{
    struct haq_capability *c = haq_list_add(list, sizeof *c, a);
    if (!c || !split(&c->ops, a, op_words) || !split(&c->weights, a, weights) ||
        !split(&c->activations, a, activations) ||
        !split(&c->granularities, a, granularity_words))
        return NULL;
    return c;
}
