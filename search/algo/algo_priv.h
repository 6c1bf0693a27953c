/* search/algo/algo_priv.h - the functions behind the rows of algo.c. */
#ifndef HAQ_SEARCH_ALGO_ALGO_PRIV_H
#define HAQ_SEARCH_ALGO_ALGO_PRIV_H

#include "search/algo/algo.h"

#define HAQ_ALGO_FUNCTIONS(name)                                               \
    haq_status haq_##name##_start(struct haq_algo_run **out,                   \
                                  const struct haq_algo_config *config,        \
                                  struct haq_diag *d);                         \
    enum haq_ask haq_##name##_ask(struct haq_algo_run *run, size_t *id,        \
                                  const int **genes);                          \
    void haq_##name##_tell(struct haq_algo_run *run, size_t id,                \
                           const double *objective, double violation);         \
    void haq_##name##_end(struct haq_algo_run *run)

HAQ_ALGO_FUNCTIONS(auto);
HAQ_ALGO_FUNCTIONS(ddpg);
HAQ_ALGO_FUNCTIONS(random);
HAQ_ALGO_FUNCTIONS(nsga2);
HAQ_ALGO_FUNCTIONS(annealing);
HAQ_ALGO_FUNCTIONS(greedy);
HAQ_ALGO_FUNCTIONS(surrogate);

#endif
