#include "search/rules.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "hwprofiles/legal.h"

enum { SENTENCE = 320 };

/* Room for one more item in an array of the arena. */
static void *grown(struct haq_arena *a, void *old, size_t n, size_t *room,
                   size_t size)
{
    if (n < *room)
        return old;
    size_t more = *room ? 2 * *room : 8;
    void *p = haq_arena_array(a, more, size);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, old, n * size);
    *room = more;
    return p;
}

haq_status haq_rules_add(struct haq_rules *r, const struct haq_rule *rule,
                         struct haq_diag *d)
{
    struct haq_rule *p =
        grown(r->arena, r->rule, r->n, &r->room, sizeof *r->rule);
    if (!p)
        return haq_fail(d, HAQ_NOMEM, "%s", rule->where);
    r->rule = p;
    r->rule[r->n++] = *rule;
    return HAQ_OK;
}

haq_status haq_rules_tie(struct haq_rules *r, const struct haq_tie *tie,
                         struct haq_diag *d)
{
    struct haq_tie *p =
        grown(r->arena, r->tie, r->ties, &r->tie_room, sizeof *r->tie);
    if (!p)
        return haq_fail(d, HAQ_NOMEM, "%s", tie->where);
    r->tie = p;
    r->tie[r->ties++] = *tie;
    return HAQ_OK;
}

/* ---- the command line -----------------------------------------------------*/

static haq_status add_text(struct haq_rules *r, const char *option,
                           const char *text, bool named, bool pin,
                           struct haq_diag *d)
{
    const char *equals = named ? strrchr(text, '=') : NULL;
    const char *format = equals ? equals + 1 : text;
    haq_options set;
    if (!haq_options_parse(&set, format, strlen(format)))
        return haq_fail(d, HAQ_USAGE,
                        "%s %s: \"%s\" is no format that a search can use; "
                        "there are: binary, ternary, int2 to int8, float, with "
                        ":channel or :group32 if need be",
                        option, text, format);
    struct haq_rule rule = {
        .where = haq_arena_printf(r->arena, "%s %s", option, text),
        .keep = pin ? set : ~set,
        .blame = HAQ_USAGE,
    };
    if (named)
        rule.pattern = equals ? haq_arena_printf(r->arena, "%.*s",
                                                 (int)(equals - text), text)
                              : "*";
    if (!rule.where || (named && !rule.pattern))
        return haq_fail(d, HAQ_NOMEM, "%s %s", option, text);
    return haq_rules_add(r, &rule, d);
}

haq_status haq_rules_pin(struct haq_rules *r, const char *text,
                         struct haq_diag *d)
{
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text)
        return haq_fail(d, HAQ_USAGE,
                        "--pin %s: a layer and its format are needed, as in "
                        "--pin conv1=int8",
                        text);
    return add_text(r, "--pin", text, true, true, d);
}

haq_status haq_rules_ban(struct haq_rules *r, const char *text,
                         struct haq_diag *d)
{
    return add_text(r, "--ban", text, true, false, d);
}

haq_status haq_rules_ends(struct haq_rules *r, const char *text,
                          struct haq_diag *d)
{
    if (!strcmp(text, "free"))
        return HAQ_OK;
    return add_text(r, "--first-last", text, false, true, d);
}

json_t *haq_rules_json(const struct haq_rules *r)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; i < r->n && !bad; i++)
        bad =
            json_array_append_new(list, json_pack("[s?,I]", r->rule[i].pattern,
                                                  (json_int_t)r->rule[i].keep));
    for (size_t i = 0; i < r->ties && !bad; i++) {
        json_t *names = json_array();
        bad = json_array_append_new(list, names);
        for (size_t k = 0; k < r->tie[i].n && !bad; k++)
            bad =
                json_array_append_new(names, json_string(r->tie[i].pattern[k]));
    }
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* ---- to the space ---------------------------------------------------------*/

static bool is_named(const struct haq_layer *l, const char *pattern)
{
    if (!pattern)
        return l->first || l->last;
    return !strcmp(l->tensor, pattern) || !strcmp(l->weight, pattern) ||
           !fnmatch(pattern, l->tensor, 0) || !fnmatch(pattern, l->weight, 0);
}

static haq_status no_layer(const struct haq_space *s, const char *where,
                           const char *pattern, haq_status blame,
                           struct haq_diag *d)
{
    return haq_fail(d, blame,
                    "%s: no layer is called %s; the first one is %s, haq "
                    "inspect lists them",
                    where, pattern, s->layers->layer[0].tensor);
}

static haq_status apply_rule(struct haq_space *s, const struct haq_rule *rule,
                             struct haq_diag *d)
{
    bool any = false;
    for (size_t l = 0; l < s->layers->n; l++) {
        char had[HAQ_FORMATS_TEXT];
        if (!is_named(&s->layers->layer[l], rule->pattern))
            continue;
        any = true;
        haq_options_text(s->domain[l].options, had);
        if (!haq_space_keep(s, l, rule->keep))
            return haq_fail(d, rule->blame,
                            "%s: layer %s is left with no format; before it "
                            "there were: %s",
                            rule->where, s->layers->layer[l].tensor, had);
    }
    if (!any && rule->pattern)
        return no_layer(s, rule->where, rule->pattern, rule->blame, d);
    return HAQ_OK;
}

static haq_status tie(struct haq_space *s, size_t a, size_t b,
                      const char *where, haq_status blame, struct haq_diag *d)
{
    if (haq_space_tie(s, a, b))
        return HAQ_OK;
    return haq_fail(d, blame, "%s: layers %s and %s have no format in common",
                    where, s->layers->layer[a].tensor,
                    s->layers->layer[b].tensor);
}

static haq_status apply_tie(struct haq_space *s, const struct haq_tie *t,
                            struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    size_t first = s->layers->n;
    for (size_t i = 0; i < t->n; i++) {
        bool any = false;
        for (size_t l = 0; l < s->layers->n && status == HAQ_OK; l++) {
            if (!is_named(&s->layers->layer[l], t->pattern[i]))
                continue;
            any = true;
            if (first == s->layers->n)
                first = l;
            status = tie(s, first, l, t->where, t->blame, d);
        }
        if (status == HAQ_OK && !any)
            status = no_layer(s, t->where, t->pattern[i], t->blame, d);
    }
    return status;
}

/* Layers that read one initializer quantize it once. */
static haq_status tie_shared(struct haq_space *s, struct haq_diag *d)
{
    const struct haq_layer *layer = s->layers->layer;
    haq_status status = HAQ_OK;
    for (size_t a = 0; a < s->layers->n; a++)
        for (size_t b = a + 1; b < s->layers->n && status == HAQ_OK; b++)
            if (!strcmp(layer[a].weight, layer[b].weight))
                status = tie(s, a, b, "shared weights", HAQ_USAGE, d);
    return status;
}

haq_status haq_space_apply(struct haq_space *s, const struct haq_rules *r,
                           struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    for (size_t i = 0; r && i < r->n && status == HAQ_OK; i++)
        status = apply_rule(s, &r->rule[i], d);
    for (size_t i = 0; r && i < r->ties && status == HAQ_OK; i++)
        status = apply_tie(s, &r->tie[i], d);
    return status == HAQ_OK ? tie_shared(s, d) : status;
}

/* ---- the target -----------------------------------------------------------*/

/* What of a layer's options the device executes; *why: of the last quantized
 * one that it does not. */
static haq_options executable(const struct haq_space *s, size_t layer,
                              const struct haq_list *capabilities,
                              const char *device, struct haq_verdict *why)
{
    haq_options set = 0;
    for (size_t o = 0; o < HAQ_OPTIONS; o++) {
        struct haq_choice choice = haq_choice_at(o);
        struct haq_layer_choice c;
        struct haq_verdict v;
        if (!(s->domain[layer].options >> o & 1))
            continue;
        haq_choice_layer(choice, &c);
        haq_legal(&v, capabilities, device, &s->layers->layer[layer], &c);
        if (v.support != HAQ_SUPPORT_NO)
            set |= (haq_options)1 << o;
        else if (choice.weight != HAQ_WEIGHT_FLOAT)
            *why = v;
    }
    return set;
}

void haq_space_target(struct haq_space *s, const struct haq_list *capabilities,
                      const char *device, haq_warn_fn *warn, void *ctx)
{
    const haq_options stays = haq_options_weight(HAQ_WEIGHT_FLOAT, -1);
    for (size_t l = 0; l < s->layers->n; l++) {
        struct haq_verdict why = {.support = HAQ_SUPPORT_NO};
        haq_options set = executable(s, l, capabilities, device, &why);
        haq_space_keep(s, l, set ? set : stays);
        if (s->domain[l].options != stays)
            continue;
        char sentence[SENTENCE];
        snprintf(sentence, sizeof sentence,
                 "layer %.80s stays float, %.40s has no format for it: %.150s",
                 s->layers->layer[l].tensor, device, why.reason);
        warn(ctx, sentence);
    }
}
