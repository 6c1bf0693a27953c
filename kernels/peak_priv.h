/* kernels/peak_priv.h - functions of the rows of the table. */
#ifndef HAQ_KERNELS_PEAK_PRIV_H
#define HAQ_KERNELS_PEAK_PRIV_H

#include "kernels/peak.h"

enum { HAQ_PEAK_CHAINS = 14 };

typedef void haq_peak_work_fn(struct haq_peak_work *done, size_t turns);
typedef uint64_t haq_peak_read_fn(const void *data, size_t bytes,
                                  size_t streams);

haq_peak_work_fn haq_peak_f32_avx2, haq_peak_f32_avx512, haq_peak_f32_neon;
haq_peak_work_fn haq_peak_dot_avx2, haq_peak_dot_avx512,
    haq_peak_dot_avx512vnni, haq_peak_dot_avx512amx;
haq_peak_work_fn haq_peak_dot_neon, haq_peak_dot_dotprod, haq_peak_dot_i8mm;
haq_peak_read_fn haq_peak_read_avx2, haq_peak_read_avx512, haq_peak_read_neon;

#endif
