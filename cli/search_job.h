/* cli/search_job.h - one search in a folder: from options to front.json.
 *
 *     DIR/store.sqlite    everything measured
 *     DIR/front.json      the front so far, at every moment of a run
 *     DIR/recipes/        a recipe per point, at the end with its parameters
 *     DIR/report.html     the same for people
 */
#ifndef HAQ_CLI_SEARCH_JOB_H
#define HAQ_CLI_SEARCH_JOB_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "coordinator/driver_search.h"
#include "coordinator/embed.h"

struct haq_search_job {
    const char *model, *calib, *eval; /* paths; calib may be NULL */
    const char *out;                  /* folder; NULL = ./MODELNAME-haq */
    const char *metric;               /* NULL = by the labels */
    const char *dims;                 /* JSON {"N": 1} or NULL */
    const struct haq_dim_binding *bound_dims; /* the same as bindings */
    size_t n_dims;
    struct haq_search_config search; /* what the options say of it */
    const json_t *space; /* what makes its space this one, or NULL; borrowed */
    bool resume, quiet;
    unsigned isa;
    size_t threads, workers;
};

struct haq_search_outcome {
    char dir[4096];
    json_t *front; /* new reference, or NULL when nothing was measured */
    struct haq_embed_view view;
};

/* Run it to its end, or until SIGINT or SIGTERM, which are blocked meanwhile.
 * Statuses as haq_embed_run gives them; the front so far is in the folder and
 * in *out whatever the status.  HAQ_IO also when the folder cannot be written.
 */
haq_status haq_search_job_run(const struct haq_search_job *job,
                              struct haq_search_outcome *out,
                              struct haq_diag *d);
void haq_search_outcome_fini(struct haq_search_outcome *o);

#endif
