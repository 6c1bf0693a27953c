/* worker/session_priv.h - what a session keeps; shared by the task files. */
#ifndef HAQ_WORKER_SESSION_PRIV_H
#define HAQ_WORKER_SESSION_PRIV_H

#include "graph/dataset.h"
#include "graph/layers.h"
#include "graph/metric.h"
#include "graph/onnx_import.h"
#include "quant/apply.h"
#include "quant/params.h"
#include "runtime/evaluate.h"
#include "runtime/exec.h"
#include "runtime/meter.h"
#include "runtime/plan.h"
#include "worker/drift.h"
#include "worker/task.h"
#include "worker/tune.h"

/* A data set with what the float model says about it, made when first asked
 * for. */
struct haq_session_data {
    bool present;
    const char *path;
    struct haq_dataset set;
    size_t *order;    /* [set.n] the fixed order of slices */
    float *reference; /* [set.n][positions][classes] float outputs, or NULL */
};

struct haq_session {
    struct haq_session_config config;
    struct haq_arena arena; /* copies of the config's strings */
    struct haq_pool *pool;
    struct haq_meter *meter;  /* of the pool's threads */
    struct haq_drift drift;   /* of the float model's time */
    struct haq_graph *bulk;   /* batch for throughput */
    struct haq_graph *single; /* latest batch asked for by a latency task */
    struct haq_layers layers;
    struct haq_session_data calib, eval, train;
    const struct haq_metric *metric;
    size_t positions, classes; /* of one sample's output */
    struct haq_calib ranges;   /* of the calibration set */
    bool ranges_ready, ranges_have_bins;
    /* What worker/doubts.h was asked about already, so that it says so once. */
    bool ranges_doubted, weights_doubted, *moments_doubted; /* [layers.n] */
    struct haq_qweight_cache *weights;
    struct haq_tuned tuned;
    struct haq_pack_cache *packs;
    struct haq_plan *float_plan; /* on `single`, with its context */
    struct haq_exec *float_exec;
    char device_id[HAQ_HASH_HEX], numerics_id[64];
};

/* A recipe made ready to run on one graph. */
struct haq_ready {
    struct haq_qgraph q;
    struct haq_params *params;
    struct haq_plan *plan;
    bool quantized;
    /* Where the recipe changes the graph: a copy, and its weights.  NULL:
     * shared with all others. */
    struct haq_graph *own;
    struct haq_qweight_cache *weights;
};

/* recipe NULL: float.  `way`: how its methods are run when it names no params
 * file.  Checks the recipe against the model, calibrates when it
 * must, reads its params file when it names one. */
haq_status haq_ready_make(struct haq_ready *b, struct haq_session *s,
                          const struct haq_graph *g,
                          const struct haq_recipe *recipe,
                          enum haq_tune_way way, struct haq_diag *d);
void haq_ready_fini(struct haq_ready *b);

/* The model with this batch; the caller frees it. */
haq_status haq_session_graph(struct haq_graph **out, struct haq_session *s,
                             size_t batch, struct haq_diag *d);

/* What methods that train (quant/method/method.h) make of `p`, which all others
 * have seen.  g as haq_tune_in_order. */
haq_status haq_session_train(struct haq_session *s, const struct haq_graph *g,
                             const struct haq_recipe *r, struct haq_params *p,
                             struct haq_diag *d);

/* Outputs are numbers, no classes: these come with labels that are. */
bool haq_session_real_outputs(const struct haq_session *s,
                              const struct haq_session_data *data);

/* s->ranges as the recipe's calibration wants them, if it wants any. */
haq_status haq_session_ranges_for(struct haq_session *s,
                                  const struct haq_recipe *recipe,
                                  struct haq_diag *d);

/* Activation ranges of the calibration set, with histograms if asked. */
haq_status haq_session_ranges(struct haq_session *s, bool bins,
                              struct haq_diag *d);

/* Make data->reference. */
haq_status haq_session_reference(struct haq_session *s,
                                 struct haq_session_data *data,
                                 struct haq_diag *d);

/* s->single at this batch, with s->float_plan and s->float_exec on it. */
haq_status haq_session_single(struct haq_session *s, size_t batch,
                              struct haq_diag *d);

/* Write real samples (or zeros when there is no data) into a context's
 * inputs. */
haq_status haq_session_feed(const struct haq_session *s, struct haq_exec *e,
                            struct haq_diag *d);

/* One file per task. */
typedef haq_status haq_task_fn(struct haq_session *s,
                               const struct haq_recipe *recipe,
                               const json_t *params, json_t **result,
                               struct haq_buf *scores, struct haq_diag *d);
haq_task_fn haq_task_inspect, haq_task_evaluate, haq_task_sensitivity,
    haq_task_profile_layer, haq_task_measure_latency;

/* Optional members of params; the default when absent.  HAQ_FORMAT names the
 * key when it has the wrong type or is negative. */
haq_status haq_task_count(const json_t *params, const char *key, size_t preset,
                          size_t *out, struct haq_diag *d);

#endif
