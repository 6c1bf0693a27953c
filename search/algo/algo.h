/* search/algo/algo.h - search algorithms: integer vectors out, objective
 * vectors in.
 *
 * An algorithm knows nothing of networks: it proposes vectors of small integers
 * (gene g lies in 0 .. cardinality[g]-1), is told the objectives (all to be
 * minimised) and how far a vector is from being allowed (violation, 0 when it
 * is).  Vectors are proposed in generations:
 *
 *     ask ask ask ... WAIT -> tell tell tell (any order) -> ask ask ...
 *
 * Nothing depends on the order of tells within a generation, and no vector is
 * proposed twice.  Everything random comes from the seed.  Neighbours in value
 * are neighbours in kind, and higher values are wider (more of what is spent,
 * less of what the first objective counts): some algorithms begin there.
 */
#ifndef HAQ_SEARCH_ALGO_ALGO_H
#define HAQ_SEARCH_ALGO_ALGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { HAQ_MAX_OBJECTIVES = 4 };

struct haq_algo_config {
    size_t genes;           /* >= 1 */
    const int *cardinality; /* [genes], each >= 1; copied */
    size_t objectives;      /* 1 .. HAQ_MAX_OBJECTIVES */
    size_t population;      /* >= 2; random ignores it */
    uint64_t seed;
    const int *seeds; /* [n_seeds][genes], proposed first; copied */
    size_t n_seeds;
    /* Brings a vector to the one form that stands for all equal ones, in place;
     * pure.  NULL: all vectors are different. */
    void (*canonical)(const void *arg, int *genes);
    const void *arg; /* borrowed for the whole run */
    /* What only an agent looks at.  What a vector costs, as a part of what it
     * costs with 8 bits everywhere; pure.  NULL: the mean of genes as parts of
     * their range. */
    double (*cost)(const void *arg, const int *genes);
    const double *feature; /* [genes][features] of each gene; borrowed at start
                              only */
    size_t features;
    size_t hidden; /* units of a hidden layer; 0 = 300 */
};

enum haq_ask {
    HAQ_ASK_GIVEN, /* *id and *genes are set */
    HAQ_ASK_WAIT,  /* tell what is open, then ask again */
    HAQ_ASK_END,   /* no vector is left that was not proposed */
    HAQ_ASK_NOMEM
};

struct haq_algo_run;

struct haq_algo {
    const char *name;  /* as on the command line */
    const char *about; /* one line */
    haq_status (*start)(struct haq_algo_run **out,
                        const struct haq_algo_config *config,
                        struct haq_diag *d);
    /* The next vector; *genes is borrowed until the next ask. */
    enum haq_ask (*ask)(struct haq_algo_run *run, size_t *id,
                        const int **genes);
    /* `objective` is [objectives]; violation > 0 means not allowed.  A NaN
     * anywhere makes the vector worse than every other.  Each id once. */
    void (*tell)(struct haq_algo_run *run, size_t id, const double *objective,
                 double violation);
    void (*end)(struct haq_algo_run *run); /* NULL is allowed */
    bool seedless; /* a baseline that is to find everything by itself: whoever
                      runs it gives it no seeds (they are proposed if he does)
                    */
    bool slow;     /* thinks longer than most things take to measure */
};

/* All algorithms, ends with a NULL name.  "auto" is the row to take when the
 * user names none. */
extern const struct haq_algo haq_algos[];

/* Row by name.  HAQ_USAGE: unknown; the sentence lists the known ones. */
haq_status haq_algo_find(const struct haq_algo **out, const char *name,
                         struct haq_diag *d);

#endif
