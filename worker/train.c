/* Methods that train the network: what they are given, and by whom it is done.
 */
#include <string.h>

#include "base/log.h"
#include "quant/method/method.h"
#include "train/finetune.h"
#include "train/reconstruct.h"
#include "worker/session_priv.h"

struct haq_training haq_training_default(void)
{
    return (struct haq_training){
        .epochs = 10, .optimizer = "adam", .share = -1};
}

enum { BLOCK_STEPS = 500 }; /* of descent for each block */

/* Layers of a recipe that have a method. */
struct members {
    const struct haq_recipe *recipe;
    const char *method;
};

static bool has_method(const void *arg, const char *tensor)
{
    const struct members *m = arg;
    for (size_t i = 0; i < m->recipe->n; i++)
        if (!strcmp(m->recipe->layer[i].tensor, tensor))
            return haq_methods_have(m->recipe->layer[i].methods, m->method);
    return false;
}

static const struct haq_session_data *training_data(const struct haq_session *s)
{
    return s->train.present ? &s->train : &s->calib;
}

bool haq_session_real_outputs(const struct haq_session *s,
                              const struct haq_session_data *data)
{
    const struct haq_array *y = &data->set.y;
    return s->classes == 1 || (y->count && y->dtype == HAQ_F32);
}

static haq_status label_share(float *share, const struct haq_session *s,
                              struct haq_diag *d)
{
    const struct haq_session_data *data = training_data(s);
    const struct haq_array *y = &data->set.y;
    double asked = s->config.training.share;
    *share = s->train.present && y->count ? 0.5F : 0;
    if (asked >= 0)
        *share = (float)asked;
    if (haq_session_real_outputs(s, data))
        *share = 0;
    if (!(*share > 0))
        return HAQ_OK;
    return haq_fail_in(d,
                       haq_metric_check(haq_metric_find("perplexity"), y,
                                        data->set.n, s->positions, s->classes,
                                        d),
                       data->path);
}

typedef haq_status train_fn(struct haq_session *s, const struct haq_graph *g,
                            const struct haq_qgraph *q,
                            const struct members *members, struct haq_params *p,
                            struct haq_diag *d);

static haq_status finetune(struct haq_session *s, const struct haq_graph *g,
                           const struct haq_qgraph *q,
                           const struct members *members, struct haq_params *p,
                           struct haq_diag *d)
{
    const struct haq_training *t = &s->config.training;
    struct haq_finetuned result;
    struct haq_finetune f = {.graph = g,
                             .q = q,
                             .trains = has_method,
                             .arg = members,
                             .data = &training_data(s)->set,
                             .pool = s->pool,
                             .real =
                                 haq_session_real_outputs(s, training_data(s)),
                             .epochs = t->epochs,
                             .optimizer = t->optimizer,
                             .rate = (float)t->rate,
                             .progress = t->progress,
                             .progress_arg = t->arg};
    haq_status status = label_share(&f.share, s, d);
    if (status == HAQ_OK)
        status = haq_finetune_run(&f, p, &result, d);
    if (status == HAQ_OK)
        haq_log(HAQ_LOG_INFO,
                "fine-tuning: loss of held-out samples %.4f before, %.4f "
                "after; rate %g",
                result.before, result.after, (double)result.rate);
    return haq_fail_in(d, status, training_data(s)->path);
}

static haq_status reconstruct(struct haq_session *s, const struct haq_graph *g,
                              const struct haq_qgraph *q,
                              const struct members *members,
                              struct haq_params *p, struct haq_diag *d)
{
    const struct haq_training *t = &s->config.training;
    const struct haq_reconstruct r = {
        .graph = g,
        .q = q,
        .trains = has_method,
        .arg = members,
        .data = &training_data(s)->set,
        .pool = s->pool,
        .real = haq_session_real_outputs(s, training_data(s)),
        .steps = BLOCK_STEPS,
        .progress = t->progress,
        .progress_arg = t->arg};
    return haq_fail_in(d, haq_reconstruct_run(&r, p, d),
                       training_data(s)->path);
}

static const struct {
    const char *method;
    train_fn *run;
} trainers[] = {{"brecq", reconstruct}, {"qat", finetune}};

static bool wanted(const struct haq_recipe *r, const char *method)
{
    for (size_t i = 0; i < r->n; i++)
        if (haq_methods_have(r->layer[i].methods, method))
            return true;
    return false;
}

static haq_status check_options(const struct haq_session *s, const char *method,
                                struct haq_diag *d)
{
    const struct haq_training *t = &s->config.training;
    if (!training_data(s)->present)
        return haq_fail(d, HAQ_USAGE,
                        "method %s needs data (--train or --calib)", method);
    if (!t->epochs || t->rate < 0 || t->share > 1)
        return haq_fail(
            d, HAQ_USAGE,
            "method %s wants at least 1 epoch, a rate of 0 or more, "
            "and a share of the labels of 1 at most",
            method);
    return HAQ_OK;
}

haq_status haq_session_train(struct haq_session *s, const struct haq_graph *g,
                             const struct haq_recipe *r, struct haq_params *p,
                             struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    for (size_t i = 0;
         status == HAQ_OK && i < sizeof trainers / sizeof *trainers; i++) {
        struct members members = {r, trainers[i].method};
        struct haq_qgraph q = {0};
        if (!wanted(r, members.method))
            continue;
        status = check_options(s, members.method, d);
        if (status == HAQ_OK)
            status = haq_apply(&q, g, r, NULL, p, s->weights, d);
        if (status == HAQ_OK) {
            status = trainers[i].run(s, g, &q, &members, p, d);
            haq_qgraph_fini(&q);
        }
    }
    return status;
}
