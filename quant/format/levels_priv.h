/* quant/format/levels_priv.h - the functions of all coders that are a table. */
#ifndef HAQ_QUANT_FORMAT_LEVELS_PRIV_H
#define HAQ_QUANT_FORMAT_LEVELS_PRIV_H

#include "quant/format/coder.h"

haq_encode_fn haq_levels_encode;
haq_decode_fn haq_levels_decode;

#endif
