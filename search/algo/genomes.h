/* search/algo/genomes.h - the vectors proposed so far, each once, by number. */
#ifndef HAQ_SEARCH_ALGO_GENOMES_H
#define HAQ_SEARCH_ALGO_GENOMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"
#include "search/algo/algo.h"

struct haq_genomes {
    size_t genes;
    int *cardinality; /* [genes], own copy */
    int *vector;      /* [room][genes], in order of insertion */
    size_t n, room;
    size_t *slot; /* [slots] number + 1, 0 = free; open addressing */
    size_t slots; /* a power of two */
    void (*canonical)(const void *arg, int *genes);
    const void *arg;
};

/* Takes genes, cardinality and canonical from the config.  HAQ_NOMEM. */
haq_status haq_genomes_init(struct haq_genomes *g,
                            const struct haq_algo_config *c,
                            struct haq_diag *d);
void haq_genomes_fini(struct haq_genomes *g);

enum haq_genome_add { HAQ_GENOME_NEW, HAQ_GENOME_KNOWN, HAQ_GENOME_NOMEM };

/* Make `genes` canonical in place and keep a copy; its number is n-1 when it is
 * new. */
enum haq_genome_add haq_genomes_add(struct haq_genomes *g, int *genes);

/* Make `genes` canonical in place; *number is the vector's when it is known. */
bool haq_genomes_find(const struct haq_genomes *g, int *genes, size_t *number);

const int *haq_genomes_get(const struct haq_genomes *g, size_t number);

/* Fill `genes` with a uniformly random vector (not made canonical). */
void haq_genomes_random(const struct haq_genomes *g, struct haq_rng *rng,
                        int *genes);

/* Add a random vector that is new; KNOWN when many tries found none.  `scratch`
 * is [genes]. */
enum haq_genome_add haq_genomes_add_random(struct haq_genomes *g,
                                           struct haq_rng *rng, int *scratch);

#endif
