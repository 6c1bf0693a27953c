/* kernels/panel_priv.h - the rows of the table of unpackers. */
#ifndef HAQ_KERNELS_PANEL_PRIV_H
#define HAQ_KERNELS_PANEL_PRIV_H

#include "kernels/panel.h"

haq_panel_unpack_fn haq_panel_unpack_avx2, haq_panel_unpack_avx512,
    haq_panel_unpack_neon;

#endif
