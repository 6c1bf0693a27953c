/* What executing a recipe needs, made from the model and the calibration set.
 */
#include <string.h>

#include "quant/calib_method.h"
#include "quant/method/method.h"
#include "runtime/observe.h"
#include "worker/doubts.h"
#include "worker/session_priv.h"
#include "worker/tune.h"

static bool wants_ranges(const struct haq_recipe *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->layer[i].act.format->integer && !r->layer[i].act.dynamic)
            return true;
    return false;
}

static haq_status wants_bins(const struct haq_recipe *r, bool *bins,
                             struct haq_diag *d)
{
    const struct haq_calib_method *method;
    double parameter;
    haq_status s =
        haq_calib_method_parse(&method, &parameter, r->calib_method, d);
    if (s == HAQ_OK)
        *bins = method->needs_histogram;
    return s;
}

haq_status haq_session_ranges_for(struct haq_session *s,
                                  const struct haq_recipe *r,
                                  struct haq_diag *d)
{
    bool bins = false;
    haq_status status = HAQ_OK;
    if (!wants_ranges(r))
        return HAQ_OK;
    status = wants_bins(r, &bins, d);
    if (status == HAQ_OK)
        status = haq_session_ranges(s, bins, d);
    return status;
}

static bool any(const struct haq_recipe *r, bool (*does)(const char *methods))
{
    for (size_t i = 0; i < r->n; i++)
        if (does(r->layer[i].methods))
            return true;
    return false;
}

/* Methods that change several layers get a graph of their own, and activations
 * other ranges. */
static haq_status make_prepared(struct haq_params **out, struct haq_session *s,
                                const struct haq_recipe *r, struct haq_diag *d)
{
    struct haq_graph *g = NULL;
    struct haq_calib ranges = {0};
    struct haq_params *changes = haq_params_new();
    const struct haq_method_eyes eyes = {haq_tune_look, s};
    bool observed = false, bins = false;
    haq_status status =
        changes ? haq_session_graph(&g, s, (size_t)s->bulk->batch, d)
                : haq_fail(d, HAQ_NOMEM, "parameters");
    if (status == HAQ_OK)
        status = haq_methods_prepare_graph(g, r, &eyes, changes, d);
    if (status == HAQ_OK)
        status = wants_bins(r, &bins, d);
    if (status == HAQ_OK && wants_ranges(r)) {
        status = s->calib.present
                     ? haq_observe(&ranges, g, &s->calib.set, bins,
                                   s->config.isa, s->pool, d)
                     : haq_fail(d, HAQ_INVALID,
                                "static activations need calibration data "
                                "(--calib)");
        observed = status == HAQ_OK;
        if (observed && !s->ranges_doubted)
            haq_doubt_ranges(g, &ranges);
        s->ranges_doubted |= observed;
    }
    if (status == HAQ_OK)
        status = haq_params_make(out, g, r, observed ? &ranges : NULL, d);
    if (status == HAQ_OK)
        status = haq_params_merge(*out, changes, d);
    if (status == HAQ_OK)
        status = haq_tune_in_order(s, g, r, *out, d);
    if (status == HAQ_OK)
        status = haq_session_train(s, g, r, *out, d);
    haq_params_free(changes);
    if (observed)
        haq_calib_fini(&ranges);
    haq_graph_free(g);
    return status;
}

static haq_status make(struct haq_params **out, struct haq_session *s,
                       const struct haq_recipe *r, enum haq_tune_way way,
                       struct haq_diag *d)
{
    haq_status status = haq_session_ranges_for(s, r, d);
    if (status == HAQ_OK)
        status = haq_params_make(out, s->bulk, r,
                                 s->ranges_ready ? &s->ranges : NULL, d);
    if (status == HAQ_OK)
        status = way == HAQ_TUNE_IN_ORDER
                     ? haq_tune_in_order(s, s->bulk, r, *out, d)
                     : haq_tune_alone(s, r, *out, d);
    return status ? status : haq_session_train(s, s->bulk, r, *out, d);
}

haq_status haq_session_params(struct haq_session *s, const struct haq_recipe *r,
                              enum haq_tune_way way, struct haq_params **out,
                              struct haq_diag *d)
{
    haq_status status =
        s->weights_doubted ? HAQ_OK : haq_doubt_weights(s->bulk, d);
    *out = NULL;
    s->weights_doubted = true;
    if (status != HAQ_OK)
        return status;
    bool prepared = any(r, haq_methods_prepare);
    bool whole = prepared || any(r, haq_methods_train);
    if (way == HAQ_TUNE_IN_ORDER || !whole)
        status =
            prepared ? make_prepared(out, s, r, d) : make(out, s, r, way, d);
    else
        status = haq_fail(d, HAQ_INVALID,
                          "a method of this recipe works on the whole network: "
                          "haq quantize makes the params file that it "
                          "needs");
    if (status != HAQ_OK) {
        haq_params_free(*out);
        *out = NULL;
    }
    return status;
}
