#define READ haq_peak_read_neon
#include "kernels/peak_read.inc"
