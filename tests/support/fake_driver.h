/* tests/support/fake_driver.h - a job whose answers are arithmetic: it wants
 * candidates 0 .. n-1 evaluated, each fourth one timed, and expects 3 * i. */
#ifndef HAQ_TESTS_SUPPORT_FAKE_DRIVER_H
#define HAQ_TESTS_SUPPORT_FAKE_DRIVER_H

#include <stdio.h>
#include <string.h>

#include "coordinator/driver.h"

struct fake_job {
    unsigned n, asked, told, failed, wrong;
    unsigned revised;
    bool started;
    json_t *params;
    char recipe[64], reason[400]; /* why the last one failed */
};

static inline haq_status fake_start(void *self, const struct haq_facts *f,
                                    struct haq_diag *d)
{
    struct fake_job *j = self;
    (void)d;
    j->started = f->eval_samples == 10;
    j->params = json_object();
    return HAQ_OK;
}

static inline haq_status fake_next(void *self, double elapsed_s,
                                   struct haq_need *out, bool *got,
                                   struct haq_diag *d)
{
    struct fake_job *j = self;
    (void)elapsed_s, (void)d;
    *got = j->asked < j->n;
    if (!*got)
        return HAQ_OK;
    memset(out, 0, sizeof *out);
    out->id = j->asked;
    out->exclusive = j->asked % 4 == 3;
    out->kind = out->exclusive ? "measure-latency" : "evaluate";
    snprintf(j->recipe, sizeof j->recipe, "{\"i\":%u}", j->asked);
    haq_hash(out->recipe_id, j->recipe, strlen(j->recipe));
    out->recipe = j->recipe;
    out->params = j->params;
    j->asked++;
    return HAQ_OK;
}

static inline haq_status fake_tell(void *self, uint64_t id,
                                   const json_t *result, const char *reason,
                                   struct haq_diag *d)
{
    struct fake_job *j = self;
    (void)d;
    j->told++;
    j->failed += !result;
    if (reason)
        snprintf(j->reason, sizeof j->reason, "%s", reason);
    if (result && json_integer_value(json_object_get(result, "value")) !=
                      (json_int_t)id * 3)
        j->wrong++;
    return HAQ_OK;
}

static inline haq_status fake_revise(void *self, uint64_t id,
                                     const json_t *result, struct haq_diag *d)
{
    struct fake_job *j = self;
    (void)d;
    j->revised++;
    if (json_integer_value(json_object_get(result, "value")) !=
        (json_int_t)id * 3)
        j->wrong++;
    return HAQ_OK;
}

static inline bool fake_done(const void *self)
{
    const struct fake_job *j = self;
    return j->told == j->n;
}

static inline void fake_fini(struct fake_job *j)
{
    json_decref(j->params);
    j->params = NULL;
}

static const struct haq_driver_ops fake_ops = {fake_start, fake_next, fake_tell,
                                               fake_revise, fake_done};

#endif
