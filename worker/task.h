/* worker/task.h - pure tasks: one model, one recipe, one question.
 *
 * The CLI calls these in process, a worker daemon calls them for a coordinator.
 * A task is a pure function of model bytes, data bytes, recipe and params;
 * params and results are JSON so that wire and store need not know them.
 *
 * kind             params -> result (all latencies ms, accuracies in the
 *                  metric's unit)
 * inspect          {} -> the layer table of graph/layers.h
 * evaluate         {metric, first, count, tune, bits} (slice of the fixed order
 * of graph/dataset.h; count 0 = all; tune "in-order": worker/ tune.h, layers
 * are tuned alone without it; bits true: the result says which samples were
 * right, a hexadecimal digit for four of them) -> {value, ci_low, ci_high, n,
 * correct (counting metrics), kl (against float, null without), seconds,
 *                  samples_per_second}; scores: one float32 per sample
 * sensitivity      {count} on the calibration set -> {kl, mse, sqnr_db (null:
 * no error), n}: the outputs against the float model's profile-layer {rounds}
 * -> {total_ms, layers: {TENSOR: ms}, other_ms, float_ms, kernels: {TENSOR:
 * name}, weight_bytes: {TENSOR: n}}: time of each layer inside the running
 * network, batch 1, the kernel that ran it and the packed weights that it read;
 *                  float_ms is the float model's total, in rounds between
 * measure-latency  {batch, threads, budget_ms, cold} -> {median, ci_low,
 *                  ci_high, rounds, dropped, speedup, speedup_low,
 *                  speedup_high, verdict, reason, missing: [witness], mj
 *                  (null: not available), cold}: paired with the float model
 *                  (runtime/measure.h).  When the float model's time has
 *                  drifted also drift: {expected_ms, reference_ms, again}: so
 *                  many of this session's timed results before this one are in
 *                  doubt (worker/drift.h)
 */
#ifndef HAQ_WORKER_TASK_H
#define HAQ_WORKER_TASK_H

#include <jansson.h>

#include "base/buf.h"
#include "base/npz.h"
#include "base/status.h"
#include "quant/recipe.h"

/* What is kept between tasks of one job: graphs, data, calibration, packed
 * weights, the float outputs, the thread pool. */
struct haq_session;

struct haq_dim_binding;

/* How methods that train do it (train/finetune.h). */
struct haq_training {
    const char
        *path; /* data with labels or without; NULL: the calibration set */
    size_t epochs;
    const char *optimizer;
    double rate;  /* 0: found by trying */
    double share; /* of the labels in the loss; below 0: half where --train has
                    labels, else none */
    void (*progress)(void *arg, size_t done, size_t of); /* or NULL */
    void *arg;
};
/* What is good for most: ten epochs of adam. */
struct haq_training haq_training_default(void);

struct haq_session_config {
    const char *model_path;
    const char *calib_path; /* NULL = none */
    const char *eval_path;  /* NULL = none */
    const char *model_hash; /* expected; NULL = do not check */
    const char *calib_hash, *eval_hash;
    const char *metric;           /* NULL = by the labels */
    struct haq_training training; /* all 0: haq_training_default() */
    const struct haq_dim_binding *dims;
    size_t n_dims;
    unsigned isa;   /* HAQ_ISA_* mask, of sets that this machine has */
    size_t threads; /* 0 = all physical cores */
    bool simulate;  /* fake-quantized float execution */
};

/* Loads and checks everything named (hashes, shapes, label ranges) before any
 * task runs: a bad file fails here with exit code 3's statuses, and so do
 * instruction sets that this machine lacks. */
haq_status haq_session_open(struct haq_session **out,
                            const struct haq_session_config *config,
                            struct haq_diag *d);
void haq_session_close(struct haq_session *s);

struct haq_layers;
const struct haq_layers *haq_session_layers(const struct haq_session *s);
const char *haq_session_metric(const struct haq_session *s);
size_t haq_session_eval_samples(const struct haq_session *s);
const char *haq_session_hash(const struct haq_session *s, const char *what);
/* "model", "calib", "eval"; "" when absent */

/* Run one task.  recipe NULL: the float model.  *result is a new reference;
 * `scores` may be NULL.  HAQ_UNSUPPORTED names an unknown kind. */
haq_status haq_task_run(struct haq_session *s, const char *kind,
                        const struct haq_recipe *recipe, const json_t *params,
                        json_t **result, struct haq_buf *scores,
                        struct haq_diag *d);

/* The outputs for every sample of the evaluation data (whose labels are not
 * looked at), in its order: out is float32 [n, ...] and owned by the caller. */
haq_status haq_session_run(struct haq_session *s,
                           const struct haq_recipe *recipe,
                           struct haq_array *out, struct haq_diag *d);

/* A comma list of methods in the order in which they run, in the arena.
 * HAQ_USAGE lists the known ones. */
haq_status haq_session_methods_parse(const char **out, struct haq_arena *a,
                                     const char *list, struct haq_diag *d);

/* False: one of them changes several layers at once or trains the network, so
 * it cannot tune candidates (HAQ_TUNE_ALONE). */
bool haq_session_methods_alone(const char *methods);

/* True: all of them train the network (quant/method/method.h), which a search
 * lets them do to the points that are left at the end. */
bool haq_session_methods_finish(const char *methods);

/* Give the layers of a recipe that are tuned more methods, a list that was
 * parsed.  HAQ_NOMEM; HAQ_USAGE: one of them a second time. */
haq_status haq_session_methods_add(struct haq_recipe *r, const char *more,
                                   struct haq_diag *d);

/* Give every layer these methods (a comma list; quant/method/method.h).
 * HAQ_USAGE lists the known ones. */
haq_status haq_session_methods(struct haq_recipe *r, const char *list,
                               struct haq_diag *d);
/* "rtn (round to nearest), ..." for a help text. */
void haq_session_methods_help(char *out, size_t size);

/* How the methods of a recipe are run (worker/tune.h).  Tasks tune recipes that
 * name no params file alone. */
enum haq_tune_way { HAQ_TUNE_ALONE, HAQ_TUNE_IN_ORDER };

/* Scales and ranges of a recipe, from the calibration set when it has static
 * activations, tuned by its methods: what quant/params.h writes beside it.  The
 * caller frees. */
struct haq_params;
haq_status haq_session_params(struct haq_session *s,
                              const struct haq_recipe *recipe,
                              enum haq_tune_way way, struct haq_params **out,
                              struct haq_diag *d);

/* Where a result is valid: the device fingerprint for latency kinds, the
 * numerics id for the others (architecture, "Task").  Static per session. */
const char *haq_task_where(const struct haq_session *s, const char *kind);

#endif
