/* quant/calib.h - activation statistics as plain data, and codes from ranges.
 *
 * The runtime's observer fills `struct haq_calib`; quant/calib_method.h turns
 * statistics into ranges, this file ranges into scale and zero point.
 */
#ifndef HAQ_QUANT_CALIB_H
#define HAQ_QUANT_CALIB_H

#include <jansson.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/map.h"
#include "quant/spec.h"

enum { HAQ_CALIB_BINS = 2048 };

/* A range that was found for a format: a search asks for the same ones with
 * every candidate, and some take milliseconds. */
struct haq_range_memo {
    const void *method; /* NULL: free from here on */
    double parameter;
    const struct haq_format *format;
    float lo, hi;
};
enum { HAQ_RANGE_MEMOS = 16 };

struct haq_tensor_stats {
    const char *tensor; /* source name */
    float min, max;     /* over all samples */
    uint64_t count;     /* values seen */
    uint64_t zeros;     /* of them exactly 0; known with the histogram */
    /* Histogram over [min, max], filled in a second pass, or NULL. */
    uint64_t *bins; /* [HAQ_CALIB_BINS] */
    /* The same for each sample by itself, in their order. */
    float *sample_min, *sample_max; /* [samples] */
    size_t samples;
    /* [HAQ_RANGE_MEMOS] or NULL; haq_range_find writes to it, so one thread at
     * a time. */
    struct haq_range_memo *memo;
};

/* Which bin a value of [min, max] is in. */
static inline size_t haq_calib_bin(float x, float min, float max)
{
    float at =
        max > min ? (x - min) * ((float)HAQ_CALIB_BINS / (max - min)) : 0;
    size_t bin = at > 0 ? (size_t)at : 0;
    return bin < HAQ_CALIB_BINS ? bin : HAQ_CALIB_BINS - 1;
}

struct haq_calib {
    struct haq_arena arena;
    struct haq_tensor_stats *tensor;
    size_t n;
    char data_hash[HAQ_HASH_HEX];
    size_t samples;
};

void haq_calib_fini(struct haq_calib *c);

const struct haq_tensor_stats *haq_calib_find(const struct haq_calib *c,
                                              const char *tensor);

/* Affine parameters of an activation, in the uint8 container domain: unsigned
 * formats as they are, signed codes plus 128.  Range widened to contain 0. */
struct haq_act_params {
    float scale;      /* > 0 */
    int32_t zero;     /* container domain */
    int32_t qlo, qhi; /* container domain, within 0 .. 255 */
};

/* From a range (lo <= hi, finite).  A range of zero width gets scale 1. */
struct haq_act_params haq_act_params_from_range(const struct haq_act_spec *spec,
                                                float lo, float hi);

#endif
