#include "search/space.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/qweight.h"

enum { GROUP = 32, MIN_BITS = 2 };

static const char *const act_words[HAQ_ACT_VALUES] = {
    [HAQ_ACT_STATIC] = "uint8:static",
    [HAQ_ACT_DYNAMIC] = "uint8:dynamic",
    [HAQ_ACT_FLOAT] = "float",
};

static const struct haq_choice float_choice = {
    HAQ_WEIGHT_FLOAT, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT};

static bool offers_groups(const struct haq_layer *l)
{
    return l->reduction >= GROUP;
}

haq_status haq_space_init(struct haq_space *s, const struct haq_layers *layers,
                          bool has_calibration, const char *calib_hash,
                          const char *calib_method, struct haq_diag *d)
{
    if (!layers->n)
        return haq_fail(d, HAQ_INVALID, "%s has no layer that can be quantized",
                        layers->name);
    *s = (struct haq_space){
        .layers = layers,
        .first_act = has_calibration ? HAQ_ACT_STATIC : HAQ_ACT_DYNAMIC,
        .genes = layers->n * HAQ_GENES_PER_LAYER,
        .calib_hash = has_calibration && calib_hash ? calib_hash : "",
        .calib_method = calib_method ? calib_method : "minmax",
    };
    s->cardinality = calloc(s->genes, sizeof *s->cardinality);
    if (!s->cardinality)
        return haq_fail(d, HAQ_NOMEM, "search over %zu layers", layers->n);
    for (size_t l = 0; l < layers->n; l++) {
        int *c = s->cardinality + l * HAQ_GENES_PER_LAYER;
        c[HAQ_GENE_WEIGHT] = HAQ_WEIGHT_VALUES;
        c[HAQ_GENE_GRAIN] =
            offers_groups(&layers->layer[l]) ? HAQ_GRAIN_VALUES : 1;
        c[HAQ_GENE_ACT] = HAQ_ACT_VALUES - (int)s->first_act;
    }
    return HAQ_OK;
}

void haq_space_fini(struct haq_space *s)
{
    free(s->cardinality);
    *s = (struct haq_space){0};
}

static struct haq_choice canonical(const struct haq_space *s, size_t layer,
                                   struct haq_choice c)
{
    if (c.weight == HAQ_WEIGHT_FLOAT)
        return float_choice;
    if (!offers_groups(&s->layers->layer[layer]))
        c.grain = HAQ_GRAIN_CHANNEL;
    if (c.act < (int)s->first_act)
        c.act = (int)s->first_act;
    return c;
}

void haq_space_put(const struct haq_space *s, size_t layer, struct haq_choice c,
                   int *genes)
{
    int *g = genes + layer * HAQ_GENES_PER_LAYER;
    c = canonical(s, layer, c);
    g[HAQ_GENE_WEIGHT] = c.weight;
    g[HAQ_GENE_GRAIN] = c.grain;
    g[HAQ_GENE_ACT] = c.act - (int)s->first_act;
}

struct haq_choice haq_space_get(const struct haq_space *s, size_t layer,
                                const int *genes)
{
    const int *g = genes + layer * HAQ_GENES_PER_LAYER;
    return (struct haq_choice){g[HAQ_GENE_WEIGHT], g[HAQ_GENE_GRAIN],
                               g[HAQ_GENE_ACT] + (int)s->first_act};
}

void haq_space_canonical(const void *space, int *genes)
{
    const struct haq_space *s = space;
    for (size_t l = 0; l < s->layers->n; l++)
        haq_space_put(s, l, haq_space_get(s, l, genes), genes);
}

void haq_space_fill(const struct haq_space *s, struct haq_choice c, int *genes)
{
    for (size_t l = 0; l < s->layers->n; l++)
        haq_space_put(s, l, c, genes);
}

static bool same_choice(struct haq_choice a, struct haq_choice b)
{
    return a.weight == b.weight && a.grain == b.grain && a.act == b.act;
}

bool haq_space_offers(const struct haq_space *s, size_t layer,
                      struct haq_choice c)
{
    return same_choice(c, canonical(s, layer, c));
}

struct haq_choice haq_choice_at(size_t option)
{
    assert(option < HAQ_OPTIONS);
    int o = (int)option;
    return (struct haq_choice){
        o / (HAQ_GRAIN_VALUES * HAQ_ACT_VALUES),
        o / HAQ_ACT_VALUES % HAQ_GRAIN_VALUES,
        o % HAQ_ACT_VALUES,
    };
}

size_t haq_choice_class(struct haq_choice c)
{
    if (c.weight == HAQ_WEIGHT_FLOAT)
        return 0;
    return 1 + (size_t)(c.grain * HAQ_ACT_VALUES + c.act);
}

/* ---- recipes --------------------------------------------------------------*/

static struct haq_weight_spec weight_spec(struct haq_choice c)
{
    char name[16] = "fp32";
    if (c.weight != HAQ_WEIGHT_FLOAT)
        snprintf(name, sizeof name, "int%d", c.weight + MIN_BITS);
    bool group = c.grain == HAQ_GRAIN_GROUP;
    return (struct haq_weight_spec){
        .format = haq_format_find(name),
        .granularity = group ? HAQ_PER_GROUP : HAQ_PER_CHANNEL,
        .group = group ? GROUP : 0,
    };
}

size_t haq_space_bytes(const struct haq_space *s, size_t layer,
                       struct haq_choice c)
{
    const struct haq_layer *l = &s->layers->layer[layer];
    size_t n = (size_t)l->channels, k = (size_t)l->reduction;
    size_t bias = l->bias ? n * sizeof(float) : 0;
    if (c.weight == HAQ_WEIGHT_FLOAT)
        return bias + n * k * sizeof(float);
    struct haq_weight_spec w = weight_spec(c);
    return bias + haq_qweight_bytes(&w, n, k);
}

static bool add_layer(struct haq_recipe *r, const char *tensor,
                      struct haq_choice c)
{
    struct haq_recipe_layer *l = &r->layer[r->n++];
    *l = (struct haq_recipe_layer){
        .tensor = haq_arena_strdup(&r->arena, tensor),
        .weight = weight_spec(c),
        .methods = "rtn",
    };
    haq_status s = haq_act_spec_parse(&l->act, act_words[c.act], NULL);
    assert(!s && l->weight.format);
    (void)s;
    return l->tensor;
}

haq_status haq_space_recipe(const struct haq_space *s, const int *genes,
                            struct haq_recipe *out, struct haq_diag *d)
{
    struct haq_recipe r;
    haq_recipe_init(&r);
    memcpy(r.model_hash, s->layers->model_hash, sizeof r.model_hash);
    snprintf(r.calib_hash, sizeof r.calib_hash, "%s", s->calib_hash);
    r.calib_method = haq_arena_strdup(&r.arena, s->calib_method);
    r.layer = haq_arena_array(&r.arena, s->layers->n, sizeof *r.layer);
    bool ok = r.layer && r.calib_method;
    for (size_t l = 0; ok && l < s->layers->n; l++) {
        struct haq_choice c = haq_space_get(s, l, genes);
        if (c.weight != HAQ_WEIGHT_FLOAT)
            ok = add_layer(&r, s->layers->layer[l].tensor, c);
    }
    if (!ok) {
        haq_recipe_fini(&r);
        return haq_fail(d, HAQ_NOMEM, "recipe of %zu layers", s->layers->n);
    }
    *out = r;
    return HAQ_OK;
}

static bool find_act(const struct haq_act_spec *a, int *act)
{
    char text[HAQ_SPEC_TEXT];
    haq_act_spec_text(text, a);
    for (int i = 0; i < HAQ_ACT_VALUES; i++)
        if (!strcmp(text, act_words[i])) {
            *act = i;
            return true;
        }
    return false;
}

static bool find_choice(const struct haq_recipe_layer *l, struct haq_choice *c)
{
    char text[HAQ_SPEC_TEXT], known[HAQ_SPEC_TEXT];
    if (!find_act(&l->act, &c->act))
        return false;
    haq_weight_spec_text(text, &l->weight);
    for (size_t o = 0; o < HAQ_OPTIONS; o++) {
        struct haq_choice x = haq_choice_at(o);
        struct haq_weight_spec w = weight_spec(x);
        haq_weight_spec_text(known, &w);
        if (!strcmp(text, known)) {
            c->weight = x.weight;
            c->grain = w.format->integer ? x.grain : HAQ_GRAIN_CHANNEL;
            return true;
        }
    }
    return false;
}

haq_status haq_space_genes(const struct haq_space *s,
                           const struct haq_recipe *r, int *genes,
                           struct haq_diag *d)
{
    haq_space_fill(s, float_choice, genes);
    for (size_t i = 0; i < r->n; i++) {
        const struct haq_recipe_layer *q = &r->layer[i];
        struct haq_choice c;
        size_t l = 0;
        while (l < s->layers->n &&
               strcmp(s->layers->layer[l].tensor, q->tensor))
            l++;
        if (l == s->layers->n || !find_choice(q, &c) ||
            !haq_space_offers(s, l, c))
            return haq_fail(d, HAQ_UNSUPPORTED,
                            "layer %s: its formats are outside the search "
                            "space",
                            q->tensor);
        haq_space_put(s, l, c, genes);
    }
    return HAQ_OK;
}

void haq_choice_text(struct haq_choice c, char out[HAQ_CHOICE_TEXT])
{
    if (c.weight == HAQ_WEIGHT_FLOAT)
        snprintf(out, HAQ_CHOICE_TEXT, "f");
    else
        snprintf(out, HAQ_CHOICE_TEXT, "%d%s", c.weight + MIN_BITS,
                 c.grain == HAQ_GRAIN_GROUP ? "g" : "");
}
