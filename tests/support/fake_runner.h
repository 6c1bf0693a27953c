/* tests/support/fake_runner.h - what a worker does for fake_driver.h, without a
 * network: candidate i gives {"value": 3 * i}.  What else it does is told in
 * the environment HAQ_FAKE, which workers inherit. */
#ifndef HAQ_TESTS_SUPPORT_FAKE_RUNNER_H
#define HAQ_TESTS_SUPPORT_FAKE_RUNNER_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/worker.h"

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
