#include "worker/saliency.h"

#include "worker/session_priv.h"

/* The metric of labels that are classes knows whether these are. */
static bool labels_fit(const struct haq_session *s)
{
    struct haq_diag d = {0};
    const struct haq_dataset *set = &s->calib.set;
    return set->y.count &&
           haq_metric_check(haq_metric_find("perplexity"), &set->y, set->n,
                            s->positions, s->classes, &d) == HAQ_OK;
}

haq_status haq_session_saliency(struct haq_session *s,
                                struct haq_session_saliency *how,
                                struct haq_saliency *out, struct haq_diag *d)
{
    struct haq_graph *g = NULL;
    if (!s->calib.present)
        return haq_fail(d, HAQ_USAGE, "gradients need --calib");
    haq_status status = haq_session_graph(&g, s, 1, d);
    if (status != HAQ_OK)
        return status;
    bool real = haq_session_real_outputs(s, &s->calib);
    size_t n = s->calib.set.n;
    how->drawn = real || !labels_fit(s);
    struct haq_saliency_job job = {.graph = g,
                                   .data = &s->calib.set,
                                   .samples = s->calib.order,
                                   .n = how->samples < n ? how->samples : n,
                                   .positions = s->positions,
                                   .classes = s->classes,
                                   .labels = !how->drawn,
                                   .real = real,
                                   .probes = how->probes,
                                   .pool = s->pool,
                                   .progress = how->progress,
                                   .arg = how->arg};
    status = haq_saliency_find(out, &job, d);
    haq_graph_free(g);
    return status;
}
