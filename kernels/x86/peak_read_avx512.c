#define READ haq_peak_read_avx512
#include "kernels/peak_read.inc"
