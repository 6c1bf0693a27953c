#define READ haq_peak_read_avx2
#include "kernels/peak_read.inc"
