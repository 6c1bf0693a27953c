#include "worker/tune.h"

#include <stdlib.h>
#include <string.h>

#include "quant/method/method.h"
#include "runtime/layer_inputs.h"
#include "worker/doubts.h"
#include "worker/session_priv.h"

enum { SAMPLES = 1024, SAMPLES_ALONE = 256 };

static haq_status need_calibration(const struct haq_session *s,
                                   struct haq_diag *d)
{
    return s->calib.present
               ? HAQ_OK
               : haq_fail(d, HAQ_USAGE,
                          "methods that look at inputs need calibration data "
                          "(--calib)");
}

haq_status haq_tune_look(void *arg, const struct haq_graph *g, const int *node,
                         size_t n, struct haq_moments *x, struct haq_diag *d)
{
    struct haq_session *s = arg;
    struct haq_plan_options opt = {.isa = s->config.isa, .cache = NULL};
    struct haq_plan *model = NULL;
    haq_status status = need_calibration(s, d);
    if (status == HAQ_OK)
        status = haq_plan_new(&model, g, NULL, &opt, d);
    if (status == HAQ_OK)
        status = haq_layer_inputs(x, model, NULL, node, n, &s->calib.set,
                                  SAMPLES_ALONE, s->pool, d);
    haq_plan_free(model);
    return status;
}

/* Once for each layer of the session, however many recipes are tuned. */
static void doubt(struct haq_session *s, const char *layer,
                  const struct haq_moments *x)
{
    for (size_t i = 0; i < s->layers.n; i++)
        if (!s->moments_doubted[i] &&
            !strcmp(s->layers.layer[i].tensor, layer)) {
            haq_doubt_moments(layer, x);
            s->moments_doubted[i] = true;
        }
}

/* The node of a layer that has something to tune, or -1. */
static int tuned_node(const struct haq_graph *g,
                      const struct haq_recipe_layer *l)
{
    return haq_format_quantizes(l->weight.format) && haq_recipe_tunes(l)
               ? haq_graph_find_layer(g, l->tensor)
               : -1;
}

/* ---- in order -------------------------------------------------------------
 */

struct tuner {
    struct haq_session *s;
    const struct haq_graph *g; /* the model as methods have prepared it */
    const struct haq_recipe *recipe;
    struct haq_params *params; /* of the layers so far */
    struct haq_plan *model;    /* float; made when it is needed first */
    /* The recipe with float activations: its first `ready` layers. */
    struct haq_recipe prefix;
};

static haq_status open_prefix(struct tuner *t, struct haq_diag *d)
{
    const struct haq_recipe *r = t->recipe;
    t->prefix = *r;
    t->prefix.params_file = NULL;
    t->prefix.n = 0;
    t->prefix.layer = calloc(r->n + 1, sizeof *t->prefix.layer);
    if (!t->prefix.layer)
        return haq_fail(d, HAQ_NOMEM, "%zu layers", r->n);
    for (size_t i = 0; i < r->n; i++) {
        t->prefix.layer[i] = r->layer[i];
        t->prefix.layer[i].act =
            (struct haq_act_spec){.format = haq_format_find("float")};
    }
    return HAQ_OK;
}

static haq_status open_model(struct tuner *t, struct haq_diag *d)
{
    struct haq_plan_options opt = {.isa = t->s->config.isa, .cache = NULL};
    haq_status status = need_calibration(t->s, d);
    if (status == HAQ_OK && !t->model)
        status = haq_plan_new(&t->model, t->g, NULL, &opt, d);
    return status;
}

/* Moments of what node reads, in the float model and behind the layers that are
 * tuned already. */
static haq_status look_at_inputs(struct haq_moments *x, struct tuner *t,
                                 int node, struct haq_diag *d)
{
    struct haq_session *s = t->s;
    struct haq_plan_options opt = {.isa = s->config.isa, .cache = NULL};
    struct haq_qgraph q = {0};
    struct haq_plan *plan = NULL;
    bool applied = false;
    haq_status status = open_model(t, d);
    if (status == HAQ_OK) {
        status =
            haq_apply(&q, t->g, &t->prefix, NULL, t->params, s->weights, d);
        applied = status == HAQ_OK;
    }
    if (status == HAQ_OK)
        status = haq_plan_new(&plan, t->g, &q, &opt, d);
    if (status == HAQ_OK)
        status = haq_layer_inputs(x, t->model, plan, &node, 1, &s->calib.set,
                                  SAMPLES, s->pool, d);
    haq_plan_free(plan);
    if (applied)
        haq_qgraph_fini(&q);
    return status;
}

static haq_status tune_layer(struct tuner *t, int node,
                             const struct haq_recipe_layer *l,
                             struct haq_diag *d)
{
    struct haq_moments x = {0};
    haq_status status = HAQ_OK;
    bool looks = haq_methods_want_inputs(l->methods);
    if (looks)
        status = look_at_inputs(&x, t, node, d);
    if (status == HAQ_OK && haq_methods_want_moments(l->methods))
        doubt(t->s, l->tensor, &x);
    if (status == HAQ_OK)
        status = haq_methods_tune(t->params, t->g, &t->g->nodes[node], l,
                                  looks ? &x : NULL, d);
    haq_moments_fini(&x);
    return status;
}

haq_status haq_tune_in_order(struct haq_session *s, const struct haq_graph *g,
                             const struct haq_recipe *r, struct haq_params *p,
                             struct haq_diag *d)
{
    struct tuner t = {.s = s, .g = g, .recipe = r, .params = p};
    haq_status status = open_prefix(&t, d);
    for (size_t i = 0; status == HAQ_OK && i < r->n; i++) {
        int node = tuned_node(g, &r->layer[i]);
        if (node >= 0)
            status = tune_layer(&t, node, &r->layer[i], d);
        t.prefix.n = i + 1;
    }
    haq_plan_free(t.model);
    free(t.prefix.layer);
    return status;
}

/* ---- alone ----------------------------------------------------------------
 */

struct found {
    struct haq_params *params; /* of one layer */
    char key[];
};

void haq_tuned_init(struct haq_tuned *t)
{
    *t = (struct haq_tuned){0};
    haq_map_init(&t->found);
}

static void found_free(struct found *f)
{
    if (f)
        haq_params_free(f->params);
    free(f);
}

void haq_tuned_fini(struct haq_tuned *t)
{
    for (size_t i = 0; t->moments && i < t->n; i++)
        haq_moments_fini(&t->moments[i]);
    free(t->moments);
    for (size_t i = 0; i < t->found.len; i++)
        found_free(t->found.entries[i].value);
    haq_map_fini(&t->found);
    *t = (struct haq_tuned){0};
}

/* Moments of what every layer reads in the float model; `solves`: a method
 * wants more of them than the means. */
static haq_status look_at_all(struct haq_session *s, bool solves,
                              struct haq_diag *d)
{
    struct haq_plan_options opt = {.isa = s->config.isa, .cache = s->packs};
    struct haq_tuned *t = &s->tuned;
    struct haq_plan *model = NULL;
    size_t n = s->layers.n;
    struct haq_moments *m = calloc(n + 1, sizeof *m);
    int *node = malloc((n + 1) * sizeof *node);
    haq_status status = m && node ? need_calibration(s, d)
                                  : haq_fail(d, HAQ_NOMEM, "%zu layers", n);
    for (size_t i = 0; node && i < n; i++)
        node[i] = haq_graph_find_layer(s->bulk, s->layers.layer[i].tensor);
    if (status == HAQ_OK)
        status = haq_plan_new(&model, s->bulk, NULL, &opt, d);
    if (status == HAQ_OK)
        status = haq_layer_inputs(m, model, NULL, node, n, &s->calib.set,
                                  SAMPLES_ALONE, s->pool, d);
    for (size_t i = 0; status == HAQ_OK && solves && i < n; i++)
        doubt(s, s->layers.layer[i].tensor, &m[i]);
    if (status == HAQ_OK) {
        t->moments = m;
        t->n = n;
        m = NULL;
    }
    haq_plan_free(model);
    free(node);
    free(m);
    return status;
}

static const struct haq_moments *moments_of(const struct haq_session *s,
                                            const char *layer)
{
    for (size_t i = 0; i < s->tuned.n; i++)
        if (!strcmp(s->layers.layer[i].tensor, layer))
            return &s->tuned.moments[i];
    return NULL;
}

static haq_status find_alone(struct found **out, struct haq_session *s,
                             int node, const struct haq_recipe_layer *l,
                             struct haq_diag *d)
{
    char spec[HAQ_SPEC_TEXT];
    haq_weight_spec_text(spec, &l->weight);
    size_t len = strlen(l->tensor) + strlen(spec) + strlen(l->methods) + 3;
    struct found *f = calloc(1, sizeof *f + len);
    if (!f)
        return haq_fail(d, HAQ_NOMEM, "layer %s", l->tensor);
    snprintf(f->key, len, "%s %s %s", l->tensor, spec, l->methods);
    *out = haq_map_get(&s->tuned.found, f->key);
    if (*out) {
        found_free(f);
        return HAQ_OK;
    }
    bool looks = haq_methods_want_inputs(l->methods);
    haq_status status = HAQ_OK;
    if (looks && !s->tuned.moments)
        status = look_at_all(s, haq_methods_want_moments(l->methods), d);
    f->params = haq_params_new();
    if (status == HAQ_OK && !f->params)
        status = haq_fail(d, HAQ_NOMEM, "layer %s", l->tensor);
    if (status == HAQ_OK)
        status = haq_methods_tune(f->params, s->bulk, &s->bulk->nodes[node], l,
                                  looks ? moments_of(s, l->tensor) : NULL, d);
    if (status == HAQ_OK && !haq_map_put(&s->tuned.found, f->key, f))
        status = haq_fail(d, HAQ_NOMEM, "layer %s", l->tensor);
    if (status == HAQ_OK)
        *out = f;
    else
        found_free(f);
    return status;
}

haq_status haq_tune_alone(struct haq_session *s, const struct haq_recipe *r,
                          struct haq_params *p, struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    for (size_t i = 0; status == HAQ_OK && i < r->n; i++) {
        struct found *f = NULL;
        int node = tuned_node(s->bulk, &r->layer[i]);
        if (node < 0)
            continue;
        status = find_alone(&f, s, node, &r->layer[i], d);
        if (status == HAQ_OK)
            status = haq_params_merge(p, f->params, d);
    }
    return status;
}
