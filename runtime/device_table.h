/* runtime/device_table.h - what things cost on this machine's cores: roofs,
 * the cost of starting work, layers of usual shapes in every weight format.
 */
#ifndef HAQ_RUNTIME_DEVICE_TABLE_H
#define HAQ_RUNTIME_DEVICE_TABLE_H

#include <stdbool.h>

#include "base/arena.h"
#include "runtime/peaks.h"
#include "runtime/sample_layer.h"

/* With so many threads. */
struct haq_device_rates {
    size_t threads;
    double roof[HAQ_ROOFS]; /* medians; 0: no such cache */
    /* Microseconds to start work on all threads: while they spin, and when they
     * sleep; 0 for one thread. */
    double wake_us, wake_sleeping_us;
    double step_us; /* of the least that a layer takes: 1x16x16 */
};

struct haq_device_cost {
    const struct haq_layer_shape *shape;
    const char *weights; /* "fp32", "int4:group32"; uint8 activations but for
                            fp32 */
    const char *kernel;
    size_t threads, weight_bytes;
    double us, best_us; /* median and least of the rounds */
};

enum { HAQ_DEVICE_RATES = 2 };

struct haq_device_table {
    struct haq_arena arena;
    struct haq_device_rates rates[HAQ_DEVICE_RATES]; /* one thread, all */
    size_t n_rates;                                  /* 1 with one thread */
    struct haq_device_cost *cost;
    size_t n_costs;
};

struct haq_device_table_options {
    unsigned isa;
    size_t threads; /* 0: all physical cores */
    bool quick;     /* float, int8, int4 and int2 only */
    struct haq_cache_sizes caches;
    /* After each measured layer; NULL: nobody asks. */
    void (*progress)(void *arg, size_t done, size_t of);
    void *arg;
};

/* Measure it all, in about a minute (quick: a quarter).  The caller holds
 * the device's lock.  fini what succeeded. */
haq_status haq_device_table_measure(struct haq_device_table *t,
                                    const struct haq_device_table_options *o,
                                    struct haq_diag *d);
void haq_device_table_fini(struct haq_device_table *t);

#endif
