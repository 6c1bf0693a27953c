#include "kernels/panel_priv.h"
#include "kernels/x86/panel_vec_avx2.inc"

#define UNPACK haq_panel_unpack_avx2

#include "kernels/panel_unpack.inc"
