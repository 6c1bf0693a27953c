#include "search/space.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hwprofiles/legal.h"
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

static const char *const grains[HAQ_GRAIN_VALUES] = {
    [HAQ_GRAIN_CHANNEL] = "channel", [HAQ_GRAIN_GROUP] = "group32"};

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

bool haq_space_has(const struct haq_space *s, int weight)
{
    for (int i = 0; i < s->weights; i++)
        if (s->weight[i] == weight)
            return true;
    return false;
}

/* ---- what layers may be ---------------------------------------------------*/

static haq_options bit_of(struct haq_choice c)
{
    return (haq_options)1 << haq_choice_option(c);
}

/* The one form of float beside all others that are quantized. */
static bool is_choice(struct haq_choice c)
{
    return c.weight != HAQ_WEIGHT_FLOAT ||
           haq_choice_option(c) == haq_choice_option(float_choice);
}

haq_options haq_options_weight(int weight, int grain)
{
    haq_options set = 0;
    for (size_t o = 0; o < HAQ_OPTIONS; o++) {
        struct haq_choice c = haq_choice_at(o);
        if (c.weight == weight && is_choice(c) &&
            (grain < 0 || weight == HAQ_WEIGHT_FLOAT || c.grain == grain))
            set |= bit_of(c);
    }
    return set;
}

haq_options haq_options_act(int act)
{
    haq_options set = 0;
    for (size_t o = 0; o < HAQ_OPTIONS; o++) {
        struct haq_choice c = haq_choice_at(o);
        if (c.weight != HAQ_WEIGHT_FLOAT && c.act == act)
            set |= bit_of(c);
    }
    return set;
}

bool haq_options_parse(haq_options *out, const char *text, size_t n)
{
    const char *colon = memchr(text, ':', n);
    size_t len = colon ? (size_t)(colon - text) : n;
    int grain = -1;
    for (int g = 0; colon && g < HAQ_GRAIN_VALUES; g++)
        if (strlen(grains[g]) == n - len - 1 &&
            !memcmp(grains[g], colon + 1, n - len - 1))
            grain = g;
    for (int w = 0; w < HAQ_WEIGHT_VALUES; w++)
        if (strlen(weights[w].name) == len &&
            !memcmp(weights[w].name, text, len)) {
            *out = haq_options_weight(w, grain);
            return !colon || (grain >= 0 && w != HAQ_WEIGHT_FLOAT);
        }
    return false;
}

void haq_options_text(haq_options o, char out[HAQ_FORMATS_TEXT])
{
    size_t used = 0;
    out[0] = 0;
    for (int w = 0; w < HAQ_WEIGHT_VALUES; w++)
        if (o & haq_options_weight(w, -1))
            used += (size_t)snprintf(out + used, HAQ_FORMATS_TEXT - used,
                                     "%s%s", used ? ", " : "", weights[w].name);
}

/* Values of one part of a choice that the options still have. */
static int list_values(haq_options options, int (*part)(struct haq_choice),
                       int values, int *out)
{
    int n = 0;
    for (int v = 0; v < values; v++)
        for (size_t o = 0; o < HAQ_OPTIONS; o++)
            if (options >> o & 1 && part(haq_choice_at(o)) == v) {
                out[n++] = v;
                break;
            }
    return n;
}

static int weight_of(struct haq_choice c)
{
    return c.weight;
}

static int grain_of(struct haq_choice c)
{
    return c.grain;
}

static int act_of(struct haq_choice c)
{
    return c.act;
}

/* Lists and cardinalities from the options. */
static void settle(struct haq_space *s)
{
    haq_options any = haq_options_weight(HAQ_WEIGHT_INT8, -1) |
                      haq_options_weight(HAQ_WEIGHT_FLOAT, -1);
    for (size_t l = 0; l < s->layers->n; l++) {
        struct haq_domain *x = &s->domain[l];
        int *c = s->cardinality + l * HAQ_GENES_PER_LAYER;
        bool leads = x->lead == l;
        x->weights =
            list_values(x->options, weight_of, HAQ_WEIGHT_VALUES, x->weight);
        x->grains =
            list_values(x->options, grain_of, HAQ_GRAIN_VALUES, x->grain);
        x->acts = list_values(x->options, act_of, HAQ_ACT_VALUES, x->act);
        c[HAQ_GENE_WEIGHT] = leads ? x->weights : 1;
        c[HAQ_GENE_GRAIN] = leads ? x->grains : 1;
        c[HAQ_GENE_ACT] = leads ? x->acts : 1;
        any |= x->options;
    }
    s->weights = list_values(any, weight_of, HAQ_WEIGHT_VALUES, s->weight);
}

/* Every option of a layer under these formats. */
static haq_options layer_options(const struct haq_space *s, size_t layer,
                                 unsigned formats)
{
    haq_options set = 0;
    for (size_t o = 0; o < HAQ_OPTIONS; o++) {
        struct haq_choice c = haq_choice_at(o);
        bool in = formats >> c.weight & 1 && is_choice(c) &&
                  c.act >= (int)s->first_act &&
                  (c.grain == HAQ_GRAIN_CHANNEL ||
                   offers_groups(&s->layers->layer[layer]));
        set |= in ? bit_of(c) : 0;
    }
    return set;
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
    s->cardinality = calloc(s->genes, sizeof *s->cardinality);
    s->domain = calloc(layers->n, sizeof *s->domain);
    if (!s->cardinality || !s->domain) {
        haq_space_fini(s);
        return haq_fail(d, HAQ_NOMEM, "search over %zu layers", layers->n);
    }
    for (size_t l = 0; l < layers->n; l++) {
        s->domain[l].options = layer_options(s, l, complete(formats));
        s->domain[l].lead = l;
    }
    settle(s);
    return HAQ_OK;
}

void haq_space_fini(struct haq_space *s)
{
    free(s->cardinality);
    free(s->domain);
    *s = (struct haq_space){0};
}

bool haq_space_keep(struct haq_space *s, size_t layer, haq_options keep)
{
    size_t lead = s->domain[layer].lead;
    haq_options left = s->domain[layer].options & keep;
    if (!left)
        return false;
    for (size_t l = 0; l < s->layers->n; l++)
        if (s->domain[l].lead == lead)
            s->domain[l].options = left;
    settle(s);
    return true;
}

bool haq_space_tie(struct haq_space *s, size_t a, size_t b)
{
    size_t x = s->domain[a].lead, y = s->domain[b].lead;
    size_t lead = x < y ? x : y;
    haq_options left = s->domain[a].options & s->domain[b].options;
    if (!left)
        return false;
    for (size_t l = 0; l < s->layers->n; l++)
        if (s->domain[l].lead == x || s->domain[l].lead == y) {
            s->domain[l].lead = lead;
            s->domain[l].options = left;
        }
    settle(s);
    return true;
}

double haq_space_points(const struct haq_space *s)
{
    double n = 1;
    for (size_t l = 0; l < s->layers->n; l++) {
        const struct haq_domain *x = &s->domain[l];
        double options = 0;
        for (size_t o = 0; o < HAQ_OPTIONS; o++)
            options += x->options >> o & 1 ? 1 : 0;
        n *= x->lead == l ? options : 1;
    }
    return n;
}

size_t haq_space_least_bytes(const struct haq_space *s)
{
    size_t sum = (size_t)s->layers->other_bytes;
    /* Tied layers may have their least under different options; the bound is
     * theirs together. */
    for (size_t l = 0; l < s->layers->n; l++) {
        size_t least = SIZE_MAX;
        for (size_t o = 0; o < HAQ_OPTIONS && s->domain[l].lead == l; o++) {
            size_t bytes = 0;
            if (!(s->domain[l].options >> o & 1))
                continue;
            for (size_t k = l; k < s->layers->n; k++)
                if (s->domain[k].lead == l)
                    bytes += haq_space_bytes(s, k, haq_choice_at(o));
            least = bytes < least ? bytes : least;
        }
        sum += s->domain[l].lead == l ? least : 0;
    }
    return sum;
}

/* The option of this weight format that is nearest in the rest. */
static bool nearest(haq_options options, struct haq_choice *c, int weight)
{
    if (weight == HAQ_WEIGHT_FLOAT) {
        *c = float_choice;
        return options & bit_of(float_choice);
    }
    for (int i = 0; i < HAQ_GRAIN_VALUES; i++)
        for (int a = -1; a < HAQ_ACT_VALUES; a++) {
            struct haq_choice x = {weight, (c->grain + i) % HAQ_GRAIN_VALUES,
                                   a < 0 ? c->act : a};
            if (options & bit_of(x)) {
                *c = x;
                return true;
            }
        }
    return false;
}

static struct haq_choice canonical(const struct haq_space *s, size_t layer,
                                   struct haq_choice c)
{
    haq_options options = s->domain[layer].options;
    for (int w = c.weight; w < HAQ_WEIGHT_VALUES; w++)
        if (nearest(options, &c, w))
            return c;
    for (int w = HAQ_WEIGHT_FLOAT; w >= 0; w--)
        if (nearest(options, &c, w))
            break;
    return c;
}

/* Where a value stands in a list that has it; the last place otherwise. */
static int place(const int *value, int n, int v)
{
    int i = 0;
    while (i < n - 1 && value[i] != v)
        i++;
    return i;
}

void haq_space_put(const struct haq_space *s, size_t layer, struct haq_choice c,
                   int *genes)
{
    const struct haq_domain *x = &s->domain[layer];
    int *g = genes + x->lead * HAQ_GENES_PER_LAYER;
    c = canonical(s, layer, c);
    g[HAQ_GENE_WEIGHT] = place(x->weight, x->weights, c.weight);
    g[HAQ_GENE_GRAIN] =
        c.weight == HAQ_WEIGHT_FLOAT ? 0 : place(x->grain, x->grains, c.grain);
    g[HAQ_GENE_ACT] = place(x->act, x->acts, c.act);
}

struct haq_choice haq_space_get(const struct haq_space *s, size_t layer,
                                const int *genes)
{
    const struct haq_domain *x = &s->domain[layer];
    const int *g = genes + x->lead * HAQ_GENES_PER_LAYER;
    struct haq_choice c = {x->weight[g[HAQ_GENE_WEIGHT]],
                           x->grain[g[HAQ_GENE_GRAIN]],
                           x->act[g[HAQ_GENE_ACT]]};
    return canonical(s, layer, c);
}

void haq_space_canonical(const struct haq_space *s, int *genes)
{
    for (size_t l = 0; l < s->layers->n; l++)
        if (s->domain[l].lead == l)
            haq_space_put(s, l, haq_space_get(s, l, genes), genes);
        else
            memset(genes + l * HAQ_GENES_PER_LAYER, 0,
                   HAQ_GENES_PER_LAYER * sizeof *genes);
}

void haq_space_fill(const struct haq_space *s, struct haq_choice c, int *genes)
{
    for (size_t l = 0; l < s->layers->n; l++)
        haq_space_put(s, l, c, genes);
    haq_space_canonical(s, genes);
}

void haq_space_choices(const struct haq_space *s, const int *genes,
                       struct haq_choice *choice)
{
    for (size_t l = 0; l < s->layers->n; l++)
        choice[l] = haq_space_get(s, l, genes);
}

bool haq_space_offers(const struct haq_space *s, size_t layer,
                      struct haq_choice c)
{
    return s->domain[layer].options & bit_of(c);
}

bool haq_space_holds(const struct haq_space *s, const struct haq_choice *choice)
{
    for (size_t l = 0; l < s->layers->n; l++)
        if (!haq_space_offers(s, l, choice[l]) ||
            haq_choice_option(choice[l]) !=
                haq_choice_option(choice[s->domain[l].lead]))
            return false;
    return true;
}

size_t haq_choice_option(struct haq_choice c)
{
    return (size_t)((c.weight * HAQ_GRAIN_VALUES + c.grain) * HAQ_ACT_VALUES +
                    c.act);
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
    return 1 + haq_choice_option(c);
}

const struct haq_format *haq_choice_format(struct haq_choice c)
{
    return haq_format_find(weights[c.weight].name);
}

void haq_choice_layer(struct haq_choice c, struct haq_layer_choice *out)
{
    struct haq_act_spec a;
    haq_status status = haq_act_spec_parse(&a, act_words[c.act], NULL);
    assert(!status);
    (void)status;
    *out = (struct haq_layer_choice){
        .weight = haq_choice_format(c),
        .granularity = c.grain == HAQ_GRAIN_GROUP ? "group" : "channel",
        .group = c.grain == HAQ_GRAIN_GROUP ? GROUP : 0,
        .activation = a.format,
        .dynamic = a.dynamic,
    };
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

double haq_space_bops(const struct haq_space *s,
                      const struct haq_choice *choice)
{
    static const double act_bits[HAQ_ACT_VALUES] = {
        [HAQ_ACT_STATIC] = 8, [HAQ_ACT_DYNAMIC] = 8, [HAQ_ACT_FLOAT] = 32};
    double sum = 0;
    for (size_t l = 0; l < s->layers->n; l++)
        sum += (double)s->layers->layer[l].macs * act_bits[choice[l].act] *
               haq_choice_format(choice[l])->bits;
    return sum;
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

haq_status haq_space_recipe(const struct haq_space *s,
                            const struct haq_choice *choice,
                            struct haq_recipe *out, struct haq_diag *d)
{
    struct haq_recipe r;
    haq_recipe_init(&r);
    memcpy(r.model_hash, s->layers->model_hash, sizeof r.model_hash);
    snprintf(r.calib_hash, sizeof r.calib_hash, "%s", s->calib_hash);
    r.calib_method = haq_arena_strdup(&r.arena, s->calib_method);
    r.layer = haq_arena_array(&r.arena, s->layers->n, sizeof *r.layer);
    bool ok = r.layer && r.calib_method;
    for (size_t l = 0; ok && l < s->layers->n; l++)
        if (choice[l].weight != HAQ_WEIGHT_FLOAT)
            ok = add_layer(s, &r, s->layers->layer[l].tensor, choice[l]);
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
