/* worker/tune.h - methods for the weights of a recipe, in two ways.
 *
 * In order: layer by layer, every method sees what the tuned layers in front of
 * it make of the calibration set, and makes up for that.  The most accurate,
 * for a recipe that is to be kept: each layer costs two runs of the set.
 *
 * Alone: every layer as if all others were float, which needs one run of a part
 * of the set for all recipes together.  What was found for a layer, a format
 * and methods serves every recipe that has them: for candidates of a search.
 */
#ifndef HAQ_WORKER_TUNE_H
#define HAQ_WORKER_TUNE_H

#include "base/map.h"
#include "quant/moments.h"
#include "quant/params.h"
#include "worker/task.h"

/* What a session knows of its layers when they are tuned alone. */
struct haq_tuned {
    struct haq_moments *moments; /* [layers of the model], or NULL: not yet */
    size_t n;
    struct haq_map found; /* "layer format methods" -> struct found */
};

void haq_tuned_init(struct haq_tuned *t);
void haq_tuned_fini(struct haq_tuned *t);

/* Put what the methods of all layers of `r` find into `p`, which is as
 * haq_params_make left it.  g: the model, with the batch of the session's
 * `bulk`, as methods have prepared it (haq_methods_prepare_graph).
 * HAQ_USAGE: a method needs calibration data; HAQ_INVALID as
 * haq_methods_tune. */
haq_status haq_tune_in_order(struct haq_session *s, const struct haq_graph *g,
                             const struct haq_recipe *r, struct haq_params *p,
                             struct haq_diag *d);
haq_status haq_tune_alone(struct haq_session *s, const struct haq_recipe *r,
                          struct haq_params *p, struct haq_diag *d);

/* How methods that change the graph see inputs: arg is the session, g has the
 * batch of its `bulk`.  HAQ_USAGE: no calibration data. */
haq_status haq_tune_look(void *arg, const struct haq_graph *g, const int *node,
                         size_t n, struct haq_moments *x, struct haq_diag *d);

#endif
