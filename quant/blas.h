/* quant/blas.h - the linear algebra of BLAS and LAPACK, loaded when it is
 * needed first.
 *
 * Not linked: libraries that keep threads of their own start them when they are
 * loaded.  Before main these would have all signals open, and a process that
 * waits for SIGTERM in one place would die of it in another; and a process that
 * measures must not have idle company.
 */
#ifndef HAQ_QUANT_BLAS_H
#define HAQ_QUANT_BLAS_H

#include "base/status.h"

/* Arguments as CBLAS and LAPACKE have them, integers of 32 bits. */
enum haq_blas_word {
    HAQ_BLAS_ROW_MAJOR = 101,
    HAQ_BLAS_PLAIN = 111,
    HAQ_BLAS_TRANSPOSED = 112,
    HAQ_BLAS_UPPER = 121
};

struct haq_blas {
    /* C := alpha A'A + beta C (trans), the upper triangle */
    void (*dsyrk)(int order, int uplo, int trans, int n, int k, double alpha,
                  const double *a, int lda, double beta, double *c, int ldc);
    /* C := alpha op(A) op(B) + beta C */
    void (*dgemm)(int order, int trans_a, int trans_b, int m, int n, int k,
                  double alpha, const double *a, int lda, const double *b,
                  int ldb, double beta, double *c, int ldc);
    void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k,
                  float alpha, const float *a, int lda, const float *b, int ldb,
                  float beta, float *c, int ldc);
    /* Cholesky factor; inverse from it.  Not 0: not positive definite. */
    int (*dpotrf)(int layout, char uplo, int n, double *a, int lda);
    int (*dpotri)(int layout, char uplo, int n, double *a, int lda);
};

/* The same for the whole process; threads that libraries start have the signal
 * mask of the first caller.  HAQ_UNSUPPORTED names what is missing. */
haq_status haq_blas_get(const struct haq_blas **out, struct haq_diag *d);

/* Let a call use at most n threads of the library's own, and tell how many it
 * was before; 0: it cannot be told, and stays as it is.  Callers that run in
 * threads of ours want 1. */
int haq_blas_threads(int n);

#endif
