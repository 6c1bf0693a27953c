/* search/algo/archive.h - what an algorithm has proposed and been told.
 *
 * Vectors are numbered in order of creation; the number is the id of ask and
 * tell.  Those below `given` were handed out:
 *
 *     0 ........... given ........ all.n
 *     told or open  | waiting to be asked for
 *
 * Everything is kept by number, so nothing depends on the order of tells.
 */
#ifndef HAQ_SEARCH_ALGO_ARCHIVE_H
#define HAQ_SEARCH_ALGO_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "search/algo/algo.h"
#include "search/algo/genomes.h"

struct haq_archive {
    struct haq_genomes all;
    size_t m;
    double *objective; /* [room][m]; INFINITY where a NaN was told */
    double *violation; /* [room] */
    bool *told;        /* [room] */
    size_t room;
    size_t given, n_told;
    size_t *front; /* [n_front] told and beaten by nobody, ascending */
    size_t n_front, front_room;
    bool failed;    /* memory ran out in a tell: the next ask says so */
    int *scratch;   /* [2][genes] for whoever makes the next vector */
    size_t movable; /* genes with more than one value, at least 1 */
};

/* Genes and objectives from the config; its seeds become the first vectors.
 * HAQ_NOMEM; haq_archive_fini is due in any case. */
haq_status haq_archive_init(struct haq_archive *a,
                            const struct haq_algo_config *c,
                            struct haq_diag *d);
void haq_archive_fini(struct haq_archive *a);

/* As haq_genomes_add and haq_genomes_add_random, with room for the results. */
enum haq_genome_add haq_archive_add(struct haq_archive *a, int *genes);
enum haq_genome_add haq_archive_add_random(struct haq_archive *a,
                                           struct haq_rng *rng);

/* The next vector that was made and not handed out; WAIT: all were and some are
 * not told; END: all are told, make more. */
enum haq_ask haq_archive_ask(struct haq_archive *a, size_t *id,
                             const int **genes);

/* The same for algorithms that make a whole generation when all are told.
 * next: false when memory is out. */
typedef bool haq_archive_next(struct haq_algo_run *run);
enum haq_ask haq_archive_ask_or_make(struct haq_archive *a,
                                     haq_archive_next *next,
                                     struct haq_algo_run *run, size_t *id,
                                     const int **genes);

/* The tell of the contract: a NaN makes everything INFINITY. */
void haq_archive_tell(struct haq_archive *a, size_t id, const double *objective,
                      double violation);

const double *haq_archive_objective(const struct haq_archive *a, size_t number);

/* Of the told vectors number[0..n-1] the best `keep`, best first: whole fronts
 * (Deb's rule), within a front the least crowded first.
 *
 *   number  [n] reordered; its first *kept are meant
 *   crowd   [min(n, keep)] out: crowding distance of each within its front
 * false: no memory. */
bool haq_archive_survive(const struct haq_archive *a, size_t *number, size_t n,
                         size_t keep, double *crowd, size_t *kept);

/* Vector i beats vector j, both told. */
bool haq_archive_beats(const struct haq_archive *a, size_t i, size_t j);

#endif
