#include "search/algo/breed.h"

#include <math.h>

#include "search/algo/variation.h"

/* Tries to breed a child that is new before a random vector takes its place. */
enum { BREED_TRIES = 24 };

/* Binary tournament: parent[] is sorted, so the lower position wins. */
static const int *pick(const struct haq_archive *a, struct haq_rng *rng,
                       const size_t *parent, size_t n)
{
    uint64_t i = haq_rng_below(rng, n);
    uint64_t j = haq_rng_below(rng, n);
    return haq_genomes_get(&a->all, parent[i < j ? i : j]);
}

enum haq_genome_add haq_breed(struct haq_archive *a, struct haq_rng *rng,
                              const size_t *parent, size_t n)
{
    enum haq_genome_add added = HAQ_GENOME_KNOWN;
    const struct haq_genomes *g = &a->all;
    for (int i = 0; i < BREED_TRIES && added == HAQ_GENOME_KNOWN; i++) {
        const int *x = pick(a, rng, parent, n), *y = pick(a, rng, parent, n);
        haq_cross(rng, g->cardinality, g->genes, x, y, a->scratch);
        int strength = 1 + i / 4;
        haq_mutate(rng, g->cardinality, g->genes,
                   fmin(0.5, strength / (double)a->movable), a->scratch);
        added = haq_archive_add(a, a->scratch);
    }
    return added == HAQ_GENOME_KNOWN ? haq_archive_add_random(a, rng) : added;
}
