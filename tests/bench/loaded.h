/* tests/bench/loaded.h - a network from its files, ready to run. */
#ifndef HAQ_TESTS_BENCH_LOADED_H
#define HAQ_TESTS_BENCH_LOADED_H

#include "graph/ir.h"
#include "quant/apply.h"
#include "quant/params.h"
#include "runtime/exec.h"

struct bench_network {
    struct haq_graph *graph;
    struct haq_recipe recipe;
    struct haq_params *params;
    struct haq_qweight_cache *weights;
    struct haq_qgraph q;
    struct haq_plan *plan;
};

/* recipe NULL: float.  The system takes memory back when the program ends. */
haq_status bench_network_load(struct bench_network *n, const char *model,
                              size_t batch, const char *recipe,
                              struct haq_diag *d);

/* The first samples of a data file, again from the start when there are few. */
haq_status bench_network_feed(const struct bench_network *n, struct haq_exec *e,
                              const char *data, struct haq_diag *d);

#endif
