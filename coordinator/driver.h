/* coordinator/driver.h - who decides what is measured.
 *
 * The core gets what to measure from a driver and gives it the results; it does
 * not know what they are for. driver_search.c puts search/search.h behind it.
 */
#ifndef HAQ_COORDINATOR_DRIVER_H
#define HAQ_COORDINATOR_DRIVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/status.h"

/* What the first worker told about the job's files. */
struct haq_facts {
    char model_hash[HAQ_HASH_HEX], calib_hash[HAQ_HASH_HEX],
        eval_hash[HAQ_HASH_HEX]; /* "" when there is none */
    char metric[33];
    bool higher_is_better, points; /* of the metric; points: unit is percent */
    size_t eval_samples;
    json_t *layers; /* table of graph/layers.h */
    json_t *where;  /* {kind: where its results are valid} */
};

/* One thing to be measured. */
struct haq_need {
    uint64_t id; /* given back to tell */
    const char *kind;
    char recipe_id[HAQ_HASH_HEX]; /* assignment id, or "float" */
    const char *recipe;   /* canonical JSON, NULL: float model.  Borrowed, as */
    const json_t *params; /* params are, until the driver's next call */
    bool exclusive;       /* the device alone */
};

struct haq_driver_ops {
    /* Called once, before anything else. */
    haq_status (*start)(void *self, const struct haq_facts *facts,
                        struct haq_diag *d);
    /* Next need not given out yet; *got false: none at the moment. */
    haq_status (*next)(void *self, double elapsed_s, struct haq_need *out,
                       bool *got, struct haq_diag *d);
    /* result NULL: it cannot be measured, for `reason`. */
    haq_status (*tell)(void *self, uint64_t id, const json_t *result,
                       const char *reason, struct haq_diag *d);
    /* Optional: what was told for `id` was in doubt; this is the new result.  A
     * driver that has gone on without it may leave it at that. */
    haq_status (*revise)(void *self, uint64_t id, const json_t *result,
                         struct haq_diag *d);
    bool (*done)(const void *self);
};

struct haq_driver {
    const struct haq_driver_ops *ops;
    void *self;
};

#endif
