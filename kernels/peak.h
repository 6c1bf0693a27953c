/* kernels/peak.h - loops that do nothing but one kind of work: what a core can
 * do at most, measured.
 *
 * Arithmetic loops keep 14 independent accumulators, more than any core needs
 * to hide its latencies.
 */
#ifndef HAQ_KERNELS_PEAK_H
#define HAQ_KERNELS_PEAK_H

#include <stddef.h>
#include <stdint.h>

enum haq_peak_kind {
    HAQ_PEAK_F32,  /* float multiply-adds: y = y / 2 + 1 / 2, from 1 on */
    HAQ_PEAK_DOT,  /* products of bytes, added to int32: 3 times -2 */
    HAQ_PEAK_READ, /* reads */
    HAQ_PEAK_KINDS
};

struct haq_peak_work {
    double ops; /* two a multiply-add */
    double sum; /* of all accumulators: their number for F32, -3 * ops for DOT;
                   what the self-check looks at */
};

struct haq_peak_impl {
    const char *name;
    enum haq_peak_kind kind;
    unsigned isa;
    /* Arithmetic: `turns` times one operation on every accumulator. */
    void (*work)(struct haq_peak_work *done, size_t turns);
    /* READ: exclusive or of all 64-bit words of `bytes` bytes (a multiple of
     * 1024, aligned to 64), as `streams` (1 or 4) parts side by side. */
    uint64_t (*read)(const void *data, size_t bytes, size_t streams);
};

const struct haq_peak_impl *haq_peak_impls(size_t *count);
/* The last row within `isa`. */
const struct haq_peak_impl *haq_peak_select(enum haq_peak_kind kind,
                                            unsigned isa);

#endif
