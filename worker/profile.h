/* worker/profile.h - where the time of a network goes, step by step, and
 * several recipes against each other. */
#ifndef HAQ_WORKER_PROFILE_H
#define HAQ_WORKER_PROFILE_H

#include "base/arena.h"
#include "runtime/measure.h"
#include "worker/task.h"

/* One step of a plan; the strings live in the profile. */
struct haq_step_time {
    const char *name;    /* node name, or "quantize TENSOR" */
    const char *layer;   /* recipe name of the layer, or NULL */
    const char *kernel;  /* table row that runs it */
    size_t weight_bytes; /* packed weights that it reads */
    bool layout;         /* it only changes a tensor's layout */
    double ms;           /* median */
};

struct haq_profile {
    struct haq_arena arena;
    struct haq_step_time *step;
    size_t n;
    double total_ms; /* sum over the steps */
    double float_ms; /* the same for the float model, in rounds between */
};

/* Times of `rounds` (0 = 30) runs inside the running network, samples in
 * batches of `batch`.  recipe NULL: the float model.  fini what succeeded. */
haq_status haq_session_profile(struct haq_session *s,
                               const struct haq_recipe *recipe, size_t batch,
                               size_t rounds, struct haq_profile *out,
                               struct haq_diag *d);
void haq_profile_fini(struct haq_profile *p);

struct haq_compare_options {
    size_t batch;     /* 0 = 1 */
    size_t budget_ms; /* for all of them together; 0 = 2000 */
    bool cold;        /* empty the caches before each run */
};

/* The float model (contestant 0) and `n` recipes in one run of alternating
 * rounds; weight_bytes is [1 + n] (packed weights of each plan) or NULL.  On
 * success the caller owes haq_measured_fini. */
haq_status haq_session_compare(struct haq_session *s,
                               const struct haq_recipe *const *recipes,
                               size_t n, const struct haq_compare_options *opt,
                               struct haq_measured *out, size_t *weight_bytes,
                               struct haq_diag *d);

#endif
