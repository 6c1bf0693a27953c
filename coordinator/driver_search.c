#include "coordinator/driver_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static haq_status start(void *self, const struct haq_facts *facts,
                        struct haq_diag *d)
{
    struct haq_search_driver *s = self;
    haq_status st = haq_layers_from_json(&s->layers, facts->layers, d);
    if (st != HAQ_OK)
        return st;
    s->layers_json = json_incref(facts->layers);
    s->facts = *facts;
    s->facts.layers = s->facts.where = NULL;
    snprintf(
        s->device, sizeof s->device, "%s",
        json_string_value(json_object_get(facts->where, "measure-latency")));
    s->config.metric = s->facts.metric;
    s->config.higher_is_better = facts->higher_is_better;
    s->config.points = facts->points;
    s->config.eval_samples = facts->eval_samples;
    s->config.calib_hash = s->facts.calib_hash;
    s->config.has_calibration = *facts->calib_hash;
    return haq_search_new(&s->search, &s->config, &s->layers, d);
}

/* Canonical JSON and assignment id of a want's recipe. */
static haq_status write_recipe(struct haq_search_driver *s,
                               const struct haq_recipe *r, struct haq_need *out,
                               struct haq_diag *d)
{
    json_t *j = haq_recipe_to_json(r);
    free(s->recipe);
    s->recipe = j ? haq_json_canonical(j, NULL) : NULL;
    json_decref(j);
    if (!s->recipe)
        return haq_fail(d, HAQ_NOMEM, "recipe of a candidate");
    out->recipe = s->recipe;
    return haq_recipe_assignment_id(r, out->recipe_id, d);
}

static haq_status next(void *self, double elapsed_s, struct haq_need *out,
                       bool *got, struct haq_diag *d)
{
    struct haq_search_driver *s = self;
    struct haq_want want;
    *got = haq_search_next(s->search, elapsed_s, &want);
    if (!*got)
        return HAQ_OK;
    *out = (struct haq_need){.id = want.id,
                             .kind = want.kind,
                             .recipe_id = "float",
                             .params = want.params,
                             .exclusive = want.exclusive};
    return want.recipe ? write_recipe(s, want.recipe, out, d) : HAQ_OK;
}

static haq_status tell(void *self, uint64_t id, const json_t *result,
                       const char *reason, struct haq_diag *d)
{
    struct haq_search_driver *s = self;
    return haq_search_tell(s->search, id, result, reason, d);
}

static haq_status revise(void *self, uint64_t id, const json_t *result,
                         struct haq_diag *d)
{
    struct haq_search_driver *s = self;
    (void)d;
    haq_search_revise(s->search, id, result);
    return HAQ_OK;
}

static bool done(const void *self)
{
    const struct haq_search_driver *s = self;
    return haq_search_done(s->search);
}

const struct haq_driver_ops haq_search_driver_ops = {start, next, tell, revise,
                                                     done};

void haq_search_driver_fini(struct haq_search_driver *s)
{
    haq_search_free(s->search);
    s->search = NULL;
    if (s->layers_json)
        haq_layers_fini(&s->layers);
    json_decref(s->layers_json);
    s->layers_json = NULL;
    free(s->recipe);
    s->recipe = NULL;
}
