/* tests/e2e/fake.h - a job whose answers are arithmetic, so that processes,
 * sockets and store can be tested without a network.
 *
 * The driver wants candidates 0 .. n-1 evaluated, each fourth one timed; the
 * runner answers {"value": 3 * i}. What the runner does besides is told in the
 * environment HAQ_FAKE (the tests' own, inherited by the workers).
 */
#ifndef HAQ_TESTS_E2E_FAKE_H
#define HAQ_TESTS_E2E_FAKE_H

#include <string.h>
#include <time.h>

#include "base/json.h"
#include "coordinator/driver.h"
#include "worker/worker.h"

/* ---- the driver -----------------------------------------------------------
 */

struct fake_job {
    unsigned n, asked, told, failed, wrong;
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
                                               fake_done};

/* ---- the runner -----------------------------------------------------------
 */

/* "poison=5,slow=20": a number that HAQ_FAKE gives a name, or -1. */
static inline long fake_option(const char *name)
{
    const char *all = getenv("HAQ_FAKE");
    size_t n = strlen(name);
    for (const char *p = all; p && *p; p = strchr(p, ','), p += p ? 1 : 0)
        if (!strncmp(p, name, n) && p[n] == '=')
            return atol(p + n + 1);
    return -1;
}

static inline haq_status fake_open(void **session,
                                   const struct haq_runner_request *r,
                                   struct haq_runner_facts *out,
                                   struct haq_diag *d)
{
    if (fake_option("crash_open") >= 0)
        abort();
    if (fake_option("refuse") >= 0)
        return haq_fail(d, HAQ_INVALID, "%s: not an ONNX model", r->model);
    *session = out;
    haq_hash(out->model_hash, r->model, strlen(r->model));
    snprintf(out->metric, sizeof out->metric, "top1");
    haq_hash(out->eval_hash, "eval", 4);
    out->samples = 10;
    out->layers = json_object();
    return HAQ_OK;
}

static inline void fake_sleep(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    if (ms > 0)
        nanosleep(&t, NULL);
}

static inline haq_status fake_run(void *session, const char *kind,
                                  const json_t *recipe, const json_t *params,
                                  json_t **result, struct haq_buf *scores,
                                  struct haq_diag *d)
{
    json_int_t i = json_integer_value(json_object_get(recipe, "i"));
    (void)session, (void)params, (void)kind;
    fake_sleep(fake_option("slow"));
    if (i == fake_option("poison"))
        raise(SIGKILL);
    if (i == fake_option("bad"))
        return haq_fail(d, HAQ_UNSUPPORTED, "no kernel for candidate %d",
                        (int)i);
    if (i == fake_option("hang"))
        fake_sleep(600000);
    *result = json_pack("{s:I}", "value", i * 3);
    haq_buf_add(scores, &i, sizeof i);
    return HAQ_OK;
}

static inline const char *fake_where(void *session, const char *kind)
{
    (void)session;
    return !strcmp(kind, "measure-latency") ? "this-device" : "numerics-1";
}

static inline void fake_close(void *session)
{
    (void)session;
}

static const struct haq_task_runner fake_runner = {fake_open, fake_run,
                                                   fake_where, fake_close};

#endif
