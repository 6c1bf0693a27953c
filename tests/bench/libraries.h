/* tests/bench/libraries.h - other people's libraries as competitors, each where
 * it was found when the build was configured. */
#ifndef HAQ_TESTS_BENCH_LIBRARIES_H
#define HAQ_TESTS_BENCH_LIBRARIES_H

#include "tests/bench/bench.h"

bench_make_fn bench_dnnl_matmul;      /* weights in the layout it asks for */
bench_make_fn bench_dnnl_scaled;      /* to float, with scales and bias */
bench_make_fn bench_dnnl_product;     /* inner product, likewise */
bench_make_fn bench_dnnl_gemm;        /* plain dnnl_gemm, weights [k][n] */
bench_make_fn bench_dnnl_gemm_t;      /* the same, weights [n][k] */
bench_make_fn bench_dnnl_conv;        /* float; unsigned activations */
bench_make_fn bench_dnnl_conv_signed; /* signed activations */
bench_make_fn bench_openblas;
bench_make_fn bench_xnnpack;

/* Before any other use of oneDNN: instruction sets above this one are not used
 * ("avx2", "avx512", "avx512vnni"; others: no bound); worker threads. */
void bench_dnnl_configure(const char *isa, size_t threads);
void bench_openblas_configure(size_t threads);

#endif
