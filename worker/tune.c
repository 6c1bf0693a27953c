/* Methods for the weights of a recipe, layer by layer. */
#include <stdlib.h>
#include <string.h>

#include "quant/method/method.h"
#include "runtime/layer_inputs.h"
#include "worker/session_priv.h"

enum { SAMPLES = 1024 };

struct tuner {
    struct haq_session *s;
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
    struct haq_plan_options opt = {.isa = t->s->config.isa,
                                   .cache = t->s->packs};
    if (!t->s->calib.present)
        return haq_fail(d, HAQ_USAGE,
                        "methods that look at inputs need calibration data "
                        "(--calib)");
    return t->model ? HAQ_OK
                    : haq_plan_new(&t->model, t->s->bulk, NULL, &opt, d);
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
            haq_apply(&q, s->bulk, &t->prefix, NULL, t->params, s->weights, d);
        applied = status == HAQ_OK;
    }
    if (status == HAQ_OK)
        status = haq_plan_new(&plan, s->bulk, &q, &opt, d);
    if (status == HAQ_OK)
        status = haq_layer_inputs(x, t->model, plan, node, &s->calib.set,
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
    if (status == HAQ_OK)
        status =
            haq_methods_tune(t->params, t->s->bulk, &t->s->bulk->nodes[node], l,
                             looks ? &x : NULL, d);
    haq_moments_fini(&x);
    return status;
}

haq_status haq_session_tune(struct haq_session *s,
                            const struct haq_recipe *recipe,
                            struct haq_params *p, struct haq_diag *d)
{
    struct tuner t = {.s = s, .recipe = recipe, .params = p};
    haq_status status = open_prefix(&t, d);
    for (size_t i = 0; status == HAQ_OK && i < recipe->n; i++) {
        const struct haq_recipe_layer *l = &recipe->layer[i];
        int node = haq_graph_find_layer(s->bulk, l->tensor);
        if (node >= 0 && l->weight.format->integer && haq_recipe_tunes(l))
            status = tune_layer(&t, node, l, d);
        t.prefix.n = i + 1;
    }
    haq_plan_free(t.model);
    free(t.prefix.layer);
    return status;
}
