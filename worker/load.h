/* worker/load.h - recipes under load (runtime/load.h), beside the float model.
 */
#ifndef HAQ_WORKER_LOAD_H
#define HAQ_WORKER_LOAD_H

#include "runtime/load.h"
#include "worker/task.h"

/* So many clients at once, each with batches of `batch` samples. */
struct haq_load_level {
    size_t clients, batch;
};

struct haq_load_row {
    struct haq_load_level level;
    size_t recipe; /* 0: float; i: recipes[i - 1] */
    struct haq_load_result result;
    size_t samples, tokens; /* of one request; tokens 0: not a model of them */
};

/* Every level for the float model and `n` recipes: rows is [levels][1 + n].
 * Within a level the models take turns, forwards and backwards, budget_ms each
 * in all. */
haq_status haq_session_load(struct haq_session *s,
                            const struct haq_recipe *const *recipes, size_t n,
                            const struct haq_load_level *level, size_t levels,
                            size_t budget_ms, struct haq_load_row *rows,
                            struct haq_diag *d);

#endif
