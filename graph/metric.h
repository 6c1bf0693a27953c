/* graph/metric.h - what "accuracy" means, in one table.
 *
 *   top1, top5   percent of predictions with the label among the 1 or 5 largest
 *                outputs of the last axis; ties go to the lower index
 *   perplexity   exp of the mean cross-entropy (nats) over all positions
 *   mse          mean squared difference to y (float labels)
 *   agreement    percent of samples whose top-1 equals the float model's; needs
 *                no labels
 *
 * A metric is a sum of per-sample scores: 1/0 for the counting ones, the summed
 * loss of the sample's positions (float) for perplexity, squared error for mse.
 */
#ifndef HAQ_GRAPH_METRIC_H
#define HAQ_GRAPH_METRIC_H

#include <stdbool.h>

#include "base/npz.h"
#include "base/stats.h"

struct haq_metric {
    const char *name;
    bool higher_is_better;
    bool needs_labels;
    bool counts; /* scores are 0 or 1 */
    bool points; /* unit is percentage points; otherwise max-drop is percent */
    /* Score one sample.  out is [positions][classes]; label: positions int64
     * labels (or classes floats for mse); ref: the float model's outputs for
     * agreement. */
    double (*score)(const float *out, const float *ref, const void *label,
                    size_t positions, size_t classes);
};

extern const struct haq_metric haq_metrics[]; /* ends with a NULL name */
const struct haq_metric *haq_metric_find(const char *name); /* or NULL */

/* The metric for a data set when the user names none: agreement without labels,
 * perplexity when y has more than one axis, mse for float labels, else top1. */
const struct haq_metric *haq_metric_default(const struct haq_array *y);

/* Value with 95 % interval from n scores (n >= 1) of `positions` each:
 * Wilson for counting metrics (percent), normal on the mean otherwise (mapped
 * through exp for perplexity). */
struct haq_interval haq_metric_value(const struct haq_metric *m,
                                     const double *scores, size_t n,
                                     size_t positions);

/* Labels fit the outputs (range, count, dtype)?  HAQ_INVALID names the first
 * bad sample: "label 12 of sample 7 is outside 0..9". */
haq_status haq_metric_check(const struct haq_metric *m,
                            const struct haq_array *y, size_t n,
                            size_t positions, size_t classes,
                            struct haq_diag *d);

#endif
