/* quant/input_stats.h - what a layer reads, channel by channel, and where a few
 * values make its range.
 *
 * One range serves all channels of an activation, so a channel that reaches ten
 * times as far as the others costs them more than three bits.  Two usual
 * measures of outliers: values further than 6 standard deviations from the mean
 * of the tensor, and magnitudes above 6.0 (LLM.int8, Dettmers et al. 2022,
 * which keeps channels that hold one in floats).
 *
 * A channel is one of the input channels of a convolution, or one of the k
 * inputs of a matrix product.
 */
#ifndef HAQ_QUANT_INPUT_STATS_H
#define HAQ_QUANT_INPUT_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct haq_channel_stats {
    float min, max;
    double mean, std;
    uint64_t far; /* values beyond 6 sigma of the tensor */
    uint64_t big; /* magnitudes above 6 */
};

struct haq_input_stats {
    const char *layer, *tensor;
    struct haq_channel_stats *channel; /* [channels] */
    size_t channels;
    uint64_t count; /* values, the same number in every channel */
    /* Of the whole tensor: haq_input_stats_sum makes these from the above. */
    float min, max;
    double mean, std;
    double far_ratio, big_ratio; /* shares of all values */
    size_t zero_channels;        /* nothing but 0 */
    size_t big_channels;         /* with a magnitude above 6 */
    double range_ratio; /* reach (largest magnitude) of the furthest reaching
                           channel over the median reach of those not all 0 */
};

struct haq_inputs {
    struct haq_arena arena;
    struct haq_input_stats *input; /* [n] by layer in network order */
    size_t n, samples;
};
void haq_inputs_fini(struct haq_inputs *i);

/* Mean and std of the whole tensor from those of its channels. */
void haq_input_stats_spread(struct haq_input_stats *s);

/* The other fields of the tensor.  HAQ_NOMEM. */
haq_status haq_input_stats_sum(struct haq_input_stats *s, struct haq_diag *d);

/* The up to `most` channels that reach furthest, furthest first; returns how
 * many. */
size_t haq_input_stats_worst(const struct haq_input_stats *s, size_t *out,
                             size_t most);

/* What to do about it in a few words; "" where nothing stands out. */
void haq_input_stats_advice(const struct haq_input_stats *s, char *out,
                            size_t size);

#endif
