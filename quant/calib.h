/* quant/calib.h - activation statistics as plain data, and ranges from them.
 *
 * The runtime's observer fills `struct haq_calib`; this file turns statistics
 * into scale and zero point.  Methods (one table): "minmax"; "percentile:P"
 * (P in percent, 99.99: the share cut off is split over both ends by count);
 * "mse" (grid over shrunken ranges on the histogram, least squared error for
 * the number of bits asked for).
 */
#ifndef HAQ_QUANT_CALIB_H
#define HAQ_QUANT_CALIB_H

#include <jansson.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/map.h"
#include "quant/spec.h"

enum { HAQ_CALIB_BINS = 2048 };

struct haq_tensor_stats {
    const char *tensor; /* source name */
    float min, max;     /* over all samples */
    uint64_t count;     /* values seen */
    /* Histogram over [min, max], filled in a second pass; NULL for minmax. */
    uint64_t *bins; /* [HAQ_CALIB_BINS] */
};

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

struct haq_calib_method {
    const char *name;
    bool needs_histogram;
    bool has_parameter;
    /* Range [lo, hi] for a tensor quantized to `levels` codes (symmetric or
     * not); parameter as parsed. */
    void (*range)(const struct haq_tensor_stats *s, double parameter,
                  const struct haq_act_spec *spec, float *lo, float *hi);
};

/* Parse "minmax", "percentile:99.99", "mse".  HAQ_USAGE lists the names. */
haq_status haq_calib_method_parse(const struct haq_calib_method **out,
                                  double *parameter, const char *text,
                                  struct haq_diag *d);

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
