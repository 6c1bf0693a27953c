#include "quant/format/levels.h"

#include "quant/format/levels_priv.h"

unsigned haq_levels_nearest(const struct haq_levels *l, float x)
{
    unsigned low = 0, high = l->n - 1;
    while (low < high) {
        unsigned at = (low + high) / 2;
        if ((double)x > ((double)l->at[at] + (double)l->at[at + 1]) / 2)
            low = at + 1;
        else
            high = at;
    }
    return low;
}

unsigned haq_levels_encode(const struct haq_coder *c, float x)
{
    return haq_levels_nearest(c->levels, x);
}

float haq_levels_decode(const struct haq_coder *c, unsigned code)
{
    return c->levels->at[code];
}
