#include "quant/method/method.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "quant/layer_weight.h"

static const struct haq_method table[] = {
    {"rtn", "round to nearest", NULL},
    {"clip", "scales of least squared weight error", haq_method_clip},
};
enum { N_METHODS = sizeof table / sizeof *table };

const struct haq_method *haq_method_at(size_t i)
{
    return i < N_METHODS ? &table[i] : NULL;
}

static haq_status unknown(const char *word, size_t len, struct haq_diag *d)
{
    struct haq_buf b;
    haq_buf_init(&b);
    for (size_t i = 0; i < N_METHODS; i++)
        haq_buf_printf(&b, "%s%s", i ? ", " : "", table[i].name);
    haq_status s = haq_fail(d, HAQ_USAGE, "no method \"%.*s\"; there are %s",
                            (int)(len < 40 ? len : 40), word,
                            b.failed ? "others" : b.data);
    haq_buf_fini(&b);
    return s;
}

static size_t find(const char *word, size_t len)
{
    size_t i = 0;
    while (i < N_METHODS &&
           (strlen(table[i].name) != len || memcmp(table[i].name, word, len)))
        i++;
    return i;
}

haq_status haq_methods_parse(char out[HAQ_METHODS_TEXT], const char *list,
                             struct haq_diag *d)
{
    bool asked[N_METHODS] = {false};
    size_t used = 0;
    for (const char *at = list;; at++) {
        size_t len = strcspn(at, ","), i = find(at, len);
        if (i == N_METHODS)
            return unknown(at, len, d);
        if (asked[i])
            return haq_fail(d, HAQ_USAGE, "method %s is listed twice",
                            table[i].name);
        asked[i] = true;
        at += len;
        if (!*at)
            break;
    }
    out[0] = '\0';
    for (size_t i = 1; i < N_METHODS; i++) {
        if (!asked[i])
            continue;
        used += (size_t)snprintf(out + used, HAQ_METHODS_TEXT - used, "%s%s",
                                 used ? "," : "", table[i].name);
    }
    if (!used)
        strcpy(out, table[0].name);
    return HAQ_OK;
}

static haq_status run_all(struct haq_method_layer *l, const char *methods,
                          struct haq_diag *d)
{
    char ordered[HAQ_METHODS_TEXT];
    haq_status s = haq_methods_parse(ordered, methods, d);
    if (s)
        return haq_fail(d, HAQ_INVALID, "layer %s: methods \"%.40s\"", l->name,
                        methods);
    for (const char *at = ordered; !s && *at;) {
        size_t len = strcspn(at, ",");
        const struct haq_method *m = &table[find(at, len)];
        if (m->tune)
            s = m->tune(l, d);
        at += len + (at[len] == ',');
    }
    return s;
}

static haq_status tune_layer(struct haq_params *p, const struct haq_graph *g,
                             const struct haq_node *node,
                             const struct haq_recipe_layer *layer,
                             struct haq_diag *d)
{
    struct haq_layer_weight m;
    struct haq_qweight q = {0};
    haq_status s = haq_layer_weight_get(&m, g, node, d);
    if (s)
        return s;
    s = haq_qweight_scales(&q, m.w, m.n, m.k, &layer->weight, d);
    if (!s) {
        struct haq_method_layer l = {.name = node->layer, .w = m.w, .q = &q};
        s = run_all(&l, layer->methods, d);
    }
    if (!s)
        s = haq_params_put_weight(p, node->layer, &q, d);
    haq_qweight_fini(&q);
    haq_layer_weight_fini(&m);
    return s;
}

static const struct haq_recipe_layer *find_layer(const struct haq_recipe *r,
                                                 const char *tensor)
{
    for (size_t i = 0; tensor && i < r->n; i++)
        if (!strcmp(r->layer[i].tensor, tensor))
            return &r->layer[i];
    return NULL;
}

haq_status haq_methods_tune(struct haq_params *p, const struct haq_graph *g,
                            const struct haq_recipe *r, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (int i = 0; !s && i < g->n_nodes; i++) {
        const struct haq_recipe_layer *l = find_layer(r, g->nodes[i].layer);
        if (l && haq_format_quantizes(l->weight.format) && haq_recipe_tunes(l))
            s = tune_layer(p, g, &g->nodes[i], l, d);
    }
    return s;
}
