#include "search/space.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/qweight.h"

enum { GROUP = 32 };

static const struct {
    const char *name, *word;
} weights[HAQ_WEIGHT_VALUES] = {
    [HAQ_WEIGHT_BINARY] = {"binary", "b"},
    [HAQ_WEIGHT_TERNARY] = {"ternary", "t"},
    [HAQ_WEIGHT_INT2] = {"int2", "2"},
    [HAQ_WEIGHT_INT3] = {"int3", "3"},
    [HAQ_WEIGHT_INT4] = {"int4", "4"},
    [HAQ_WEIGHT_INT5] = {"int5", "5"},
    [HAQ_WEIGHT_INT6] = {"int6", "6"},
    [HAQ_WEIGHT_INT7] = {"int7", "7"},
    [HAQ_WEIGHT_INT8] = {"int8", "8"},
    [HAQ_WEIGHT_FLOAT] = {"float", "f"},
};

/* int2 .. int8. */
static const unsigned usual = (2u << HAQ_WEIGHT_INT8) - (1u << HAQ_WEIGHT_INT2);
static const unsigned always = 1u << HAQ_WEIGHT_INT8 | 1u << HAQ_WEIGHT_FLOAT;

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

haq_status haq_space_formats_parse(unsigned *mask, const char *list,
                                   struct haq_diag *d)
{
    *mask = always;
    for (const char *p = list;; p++) {
        size_t n = strcspn(p, ","), i = 0;
        while (i < HAQ_WEIGHT_VALUES &&
               (strlen(weights[i].name) != n || memcmp(weights[i].name, p, n)))
            i++;
        if (i == HAQ_WEIGHT_VALUES)
            return haq_fail(
                d, HAQ_USAGE,
                "\"%.*s\" is no format that a search can use; there "
                "are: binary, ternary, int2 to int8, float",
                (int)(n < 40 ? n : 40), p);
        *mask |= 1u << i;
        p += n;
        if (!*p)
            return HAQ_OK;
    }
}

/* All formats that a search with this mask uses. */
static unsigned complete(unsigned mask)
{
    return always | (mask ? mask : usual);
}

void haq_space_formats_text(unsigned mask, char out[HAQ_FORMATS_TEXT])
{
    size_t used = 0;
    for (int w = 0; w < HAQ_WEIGHT_VALUES; w++)
        if (complete(mask) >> w & 1)
            used += (size_t)snprintf(out + used, HAQ_FORMATS_TEXT - used,
                                     "%s%s", used ? "," : "", weights[w].name);
}

/* The list of genes from the mask. */
static void use_formats(struct haq_space *s, unsigned formats)
{
    formats = complete(formats);
    for (int w = 0; w < HAQ_WEIGHT_VALUES; w++)
        if (formats >> w & 1)
            s->weight[s->weights++] = w;
}

/* Gene of a format, of the next wider one when it may not be used. */
static int gene_of(const struct haq_space *s, int weight)
{
    int gene = 0;
    while (s->weight[gene] < weight)
        gene++;
    return gene;
}

bool haq_space_has(const struct haq_space *s, int weight)
{
    return s->weight[gene_of(s, weight)] == weight;
}

haq_status haq_space_init(struct haq_space *s, const struct haq_layers *layers,
                          unsigned formats, bool has_calibration,
                          const char *calib_hash, const char *calib_method,
                          struct haq_diag *d)
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
        .methods = "rtn",
    };
    use_formats(s, formats);
    s->cardinality = calloc(s->genes, sizeof *s->cardinality);
    if (!s->cardinality)
        return haq_fail(d, HAQ_NOMEM, "search over %zu layers", layers->n);
    for (size_t l = 0; l < layers->n; l++) {
        int *c = s->cardinality + l * HAQ_GENES_PER_LAYER;
        c[HAQ_GENE_WEIGHT] = s->weights;
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
    c.weight = s->weight[gene_of(s, c.weight)];
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
    g[HAQ_GENE_WEIGHT] = gene_of(s, c.weight);
    g[HAQ_GENE_GRAIN] = c.grain;
    g[HAQ_GENE_ACT] = c.act - (int)s->first_act;
}

struct haq_choice haq_space_get(const struct haq_space *s, size_t layer,
                                const int *genes)
{
    const int *g = genes + layer * HAQ_GENES_PER_LAYER;
    return (struct haq_choice){s->weight[g[HAQ_GENE_WEIGHT]], g[HAQ_GENE_GRAIN],
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
    return 1 +
           (size_t)((c.weight * HAQ_GRAIN_VALUES + c.grain) * HAQ_ACT_VALUES +
                    c.act);
}

const struct haq_format *haq_choice_format(struct haq_choice c)
{
    return haq_format_find(weights[c.weight].name);
}

/* ---- recipes --------------------------------------------------------------*/

static struct haq_weight_spec weight_spec(struct haq_choice c)
{
    bool group = c.grain == HAQ_GRAIN_GROUP;
    return (struct haq_weight_spec){
        .format = haq_choice_format(c),
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

/* At 8 bits rounding costs nothing that a method could win back. */
static const char *methods_for(const struct haq_space *s, struct haq_choice c)
{
    return haq_choice_format(c)->bits < 8 ? s->methods : "rtn";
}

static bool add_layer(const struct haq_space *s, struct haq_recipe *r,
                      const char *tensor, struct haq_choice c)
{
    struct haq_recipe_layer *l = &r->layer[r->n++];
    *l = (struct haq_recipe_layer){
        .tensor = haq_arena_strdup(&r->arena, tensor),
        .weight = weight_spec(c),
        .methods = haq_arena_strdup(&r->arena, methods_for(s, c)),
    };
    haq_status status = haq_act_spec_parse(&l->act, act_words[c.act], NULL);
    assert(!status && l->weight.format);
    (void)status;
    return l->tensor && l->methods;
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
            ok = add_layer(s, &r, s->layers->layer[l].tensor, c);
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
    snprintf(out, HAQ_CHOICE_TEXT, "%s%s", weights[c.weight].word,
             c.grain == HAQ_GRAIN_GROUP ? "g" : "");
}
