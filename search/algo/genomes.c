#include "search/algo/genomes.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Random tries before a space counts as exhausted. */
enum { RANDOM_TRIES = 400, FIRST_SLOTS = 256 };

haq_status haq_genomes_init(struct haq_genomes *g,
                            const struct haq_algo_config *c, struct haq_diag *d)
{
    assert(c->genes);
    *g = (struct haq_genomes){.genes = c->genes,
                              .canonical = c->canonical,
                              .arg = c->arg,
                              .slots = FIRST_SLOTS};
    g->cardinality = calloc(c->genes, sizeof *g->cardinality);
    g->slot = calloc(g->slots, sizeof *g->slot);
    if (!g->cardinality || !g->slot)
        return haq_fail(d, HAQ_NOMEM, "search over %zu genes", c->genes);
    memcpy(g->cardinality, c->cardinality, c->genes * sizeof *g->cardinality);
    return HAQ_OK;
}

void haq_genomes_fini(struct haq_genomes *g)
{
    free(g->cardinality);
    free(g->vector);
    free(g->slot);
    *g = (struct haq_genomes){0};
}

const int *haq_genomes_get(const struct haq_genomes *g, size_t number)
{
    assert(number < g->n);
    return g->vector + number * g->genes;
}

static uint64_t hash_genes(const int *genes, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a over the genes */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint64_t)genes[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

/* The slot that holds `genes`, or the free one where it belongs. */
static size_t *find_slot(const struct haq_genomes *g, const int *genes)
{
    size_t mask = g->slots - 1;
    size_t i = (size_t)hash_genes(genes, g->genes) & mask;
    while (g->slot[i] && memcmp(haq_genomes_get(g, g->slot[i] - 1), genes,
                                g->genes * sizeof *genes))
        i = (i + 1) & mask;
    return &g->slot[i];
}

static bool grow_vectors(struct haq_genomes *g)
{
    size_t room = g->room ? 2 * g->room : 64;
    if (room > SIZE_MAX / sizeof(int) / g->genes)
        return false;
    int *v = realloc(g->vector, room * g->genes * sizeof *v);
    if (!v)
        return false;
    g->vector = v, g->room = room;
    return true;
}

static bool grow_slots(struct haq_genomes *g)
{
    size_t *slot = calloc(2 * g->slots, sizeof *slot);
    if (!slot)
        return false;
    free(g->slot);
    g->slot = slot, g->slots *= 2;
    for (size_t i = 0; i < g->n; i++)
        *find_slot(g, haq_genomes_get(g, i)) = i + 1;
    return true;
}

enum haq_genome_add haq_genomes_add(struct haq_genomes *g, int *genes)
{
    if (g->canonical)
        g->canonical(g->arg, genes);
    if (*find_slot(g, genes))
        return HAQ_GENOME_KNOWN;
    if ((g->n == g->room && !grow_vectors(g)) ||
        (2 * (g->n + 1) > g->slots && !grow_slots(g)))
        return HAQ_GENOME_NOMEM;
    memcpy(g->vector + g->n * g->genes, genes, g->genes * sizeof *genes);
    *find_slot(g, genes) = g->n + 1;
    g->n++;
    return HAQ_GENOME_NEW;
}

bool haq_genomes_find(const struct haq_genomes *g, int *genes, size_t *number)
{
    if (g->canonical)
        g->canonical(g->arg, genes);
    size_t slot = *find_slot(g, genes);
    if (slot)
        *number = slot - 1;
    return slot;
}

void haq_genomes_random(const struct haq_genomes *g, struct haq_rng *rng,
                        int *genes)
{
    for (size_t i = 0; i < g->genes; i++)
        genes[i] = (int)haq_rng_below(rng, (uint64_t)g->cardinality[i]);
}

enum haq_genome_add haq_genomes_add_random(struct haq_genomes *g,
                                           struct haq_rng *rng, int *scratch)
{
    enum haq_genome_add added = HAQ_GENOME_KNOWN;
    for (int i = 0; i < RANDOM_TRIES && added == HAQ_GENOME_KNOWN; i++) {
        haq_genomes_random(g, rng, scratch);
        added = haq_genomes_add(g, scratch);
    }
    return added;
}
