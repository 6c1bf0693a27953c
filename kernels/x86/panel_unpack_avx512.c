#include "kernels/panel_priv.h"
#include "kernels/x86/panel_vec_avx512.inc"

#define UNPACK haq_panel_unpack_avx512

#include "kernels/panel_unpack.inc"
