/* runtime/peaks.h - what the cores of this machine can do at most, measured:
 * the roofs that everything else is compared with.
 */
#ifndef HAQ_RUNTIME_PEAKS_H
#define HAQ_RUNTIME_PEAKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/thread.h"

enum haq_roof {
    HAQ_ROOF_F32,     /* GFLOP/s of float multiply-adds */
    HAQ_ROOF_DOT,     /* GOP/s of products of bytes */
    HAQ_ROOF_L1,      /* GB/s of reads of a buffer that fits */
    HAQ_ROOF_L2,      /* likewise */
    HAQ_ROOF_L3,      /* likewise */
    HAQ_ROOF_MEMORY1, /* GB/s of reads from memory, one stream a thread */
    HAQ_ROOF_MEMORY4, /* four streams a thread */
    HAQ_ROOFS
};

extern const char *const haq_roof_names[HAQ_ROOFS]; /* "f32", "dot", ... */
extern const char *const haq_roof_units[HAQ_ROOFS]; /* "GFLOP/s", ... */

/* Caches of the machine, of one core's instance each; 0: there is none. */
struct haq_cache_sizes {
    uint64_t l1, l2, l3;
};

struct haq_peaks;

/* Buffers for `pool` (NULL: the calling thread alone); isa: what loops may use.
 * The pool must outlive it. */
haq_status haq_peaks_new(struct haq_peaks **out, struct haq_pool *pool,
                         unsigned isa, const struct haq_cache_sizes *caches,
                         struct haq_diag *d);
void haq_peaks_free(struct haq_peaks *p);

/* Sum of the threads' rates in one run of about 10 ms; 0: no such cache. */
double haq_peaks_run(struct haq_peaks *p, enum haq_roof what);

/* Microseconds, median of many: to run an empty loop on the pool while its
 * threads spin, and after they have gone to sleep; 0 without a pool. */
void haq_peaks_wake(struct haq_peaks *p, double *spinning_us,
                    double *sleeping_us);

#endif
