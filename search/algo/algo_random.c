/* The baseline that every algorithm must beat: the seeds, then random vectors.
 * It learns nothing, so it never waits. */
#include "search/algo/algo_priv.h"

#include <stdlib.h>
#include <string.h>

#include "search/algo/genomes.h"

struct haq_algo_run {
    struct haq_genomes all;
    struct haq_rng rng;
    size_t given; /* vectors handed out */
    int *scratch; /* [genes] */
};

void haq_random_end(struct haq_algo_run *run)
{
    if (!run)
        return;
    haq_genomes_fini(&run->all);
    free(run->scratch);
    free(run);
}

haq_status haq_random_start(struct haq_algo_run **out,
                            const struct haq_algo_config *c, struct haq_diag *d)
{
    haq_status s = HAQ_NOMEM;
    struct haq_algo_run *run = calloc(1, sizeof *run);
    if (!run)
        return haq_fail(d, s, "random search");
    s = haq_genomes_init(&run->all, c, d);
    if (s)
        goto done;
    haq_rng_seed(&run->rng, c->seed);
    run->scratch = calloc(c->genes, sizeof *run->scratch);
    for (size_t i = 0; run->scratch && i < c->n_seeds; i++) {
        memcpy(run->scratch, c->seeds + i * c->genes,
               c->genes * sizeof *run->scratch);
        if (haq_genomes_add(&run->all, run->scratch) == HAQ_GENOME_NOMEM)
            s = HAQ_NOMEM;
    }
    if (s || !run->scratch) {
        s = haq_fail(d, HAQ_NOMEM, "seeds of random search");
        goto done;
    }
    *out = run;
    run = NULL;
done:
    haq_random_end(run);
    return s;
}

enum haq_ask haq_random_ask(struct haq_algo_run *run, size_t *id,
                            const int **genes)
{
    if (run->given == run->all.n) {
        switch (haq_genomes_add_random(&run->all, &run->rng, run->scratch)) {
        case HAQ_GENOME_NOMEM:
            return HAQ_ASK_NOMEM;
        case HAQ_GENOME_KNOWN:
            return HAQ_ASK_END;
        case HAQ_GENOME_NEW:
            break;
        }
    }
    *id = run->given++;
    *genes = haq_genomes_get(&run->all, *id);
    return HAQ_ASK_GIVEN;
}

void haq_random_tell(struct haq_algo_run *run, size_t id,
                     const double *objective, double violation)
{
    (void)run, (void)id, (void)objective, (void)violation;
}
