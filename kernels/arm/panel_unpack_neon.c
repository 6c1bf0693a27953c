#include "kernels/arm/panel_vec_neon.inc"
#include "kernels/panel_priv.h"

#define UNPACK haq_panel_unpack_neon

#include "kernels/panel_unpack.inc"
