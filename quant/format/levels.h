/* quant/format/levels.h - formats that are a table of numbers.
 *
 * The code of a level is its place in the table, which ascends.
 */
#ifndef HAQ_QUANT_FORMAT_LEVELS_H
#define HAQ_QUANT_FORMAT_LEVELS_H

struct haq_levels {
    unsigned n;
    const float *at; /* [n], ascending */
};

/* The place of the level nearest to x; halfway between two, the lower one, as
 * bitsandbytes does for NF4. */
unsigned haq_levels_nearest(const struct haq_levels *l, float x);

#endif
