#include "quant/moments.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "quant/blas.h"

haq_status haq_moments_init(struct haq_moments *m, size_t parts, size_t k,
                            bool moved, struct haq_diag *d)
{
    size_t square = parts * k * k;
    *m = (struct haq_moments){.parts = parts, .k = k};
    haq_status s = haq_blas_get(&m->blas, d);
    if (s)
        return s;
    m->qq = calloc(square + 1, sizeof *m->qq);
    m->fq = moved ? calloc(square + 1, sizeof *m->fq) : NULL;
    m->mean_q = calloc(parts * k + 1, sizeof *m->mean_q);
    m->mean_f = calloc(parts * k + 1, sizeof *m->mean_f);
    m->mean_abs = calloc(parts * k + 1, sizeof *m->mean_abs);
    m->lo = calloc(parts * k + 1, sizeof *m->lo);
    m->hi = calloc(parts * k + 1, sizeof *m->hi);
    m->scratch = calloc(2 * HAQ_MOMENT_ROWS * k + 1, sizeof *m->scratch);
    if (m->qq && (m->fq || !moved) && m->mean_q && m->mean_f && m->mean_abs &&
        m->lo && m->hi && m->scratch)
        return HAQ_OK;
    haq_moments_fini(m);
    return haq_fail(d, HAQ_NOMEM, "moments of %zu inputs", k);
}

void haq_moments_fini(struct haq_moments *m)
{
    free(m->qq);
    free(m->fq);
    free(m->mean_q);
    free(m->mean_f);
    free(m->mean_abs);
    free(m->lo);
    free(m->hi);
    free(m->scratch);
    *m = (struct haq_moments){0};
}

/* To double precision, with the sums of the columns. */
static void widen(double *to, double *sum, const float *x, size_t n, size_t k)
{
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < k; i++) {
            to[r * k + i] = (double)x[r * k + i];
            sum[i] += (double)x[r * k + i];
        }
}

static void measure(struct haq_moments *m, size_t part, const float *q,
                    size_t n)
{
    double *mean_abs = m->mean_abs + part * m->k;
    float *lo = m->lo + part * m->k, *hi = m->hi + part * m->k;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < m->k; i++) {
            float x = q[r * m->k + i];
            mean_abs[i] += fabs((double)x);
            lo[i] = fminf(lo[i], x);
            hi[i] = fmaxf(hi[i], x);
        }
}

void haq_moments_add(struct haq_moments *m, size_t part, const float *f,
                     const float *q, size_t n)
{
    size_t k = m->k;
    int rows = (int)n, cols = (int)k;
    double *df = m->scratch, *dq = df + HAQ_MOMENT_ROWS * k;
    assert(n <= HAQ_MOMENT_ROWS);
    widen(df, m->mean_f + part * k, f, n, k);
    widen(dq, m->mean_q + part * k, q, n, k);
    measure(m, part, q, n);
    m->blas->dsyrk(HAQ_BLAS_ROW_MAJOR, HAQ_BLAS_UPPER, HAQ_BLAS_TRANSPOSED,
                   cols, rows, 1, dq, cols, 1, m->qq + part * k * k, cols);
    if (m->fq)
        m->blas->dgemm(HAQ_BLAS_ROW_MAJOR, HAQ_BLAS_TRANSPOSED, HAQ_BLAS_PLAIN,
                       cols, cols, rows, 1, df, cols, dq, cols, 1,
                       m->fq + part * k * k, cols);
    if (part == 0)
        m->rows += n;
}

void haq_moments_finish(struct haq_moments *m)
{
    size_t k = m->k;
    double share = m->rows ? 1 / (double)m->rows : 0;
    for (size_t p = 0; p < m->parts; p++) {
        double *qq = m->qq + p * k * k, *fq = m->fq ? m->fq + p * k * k : NULL;
        for (size_t i = 0; i < k; i++) {
            m->mean_q[p * k + i] *= share;
            m->mean_f[p * k + i] *= share;
            m->mean_abs[p * k + i] *= share;
            for (size_t j = i; j < k; j++)
                qq[j * k + i] = qq[i * k + j] *= share;
            for (size_t j = 0; fq && j < k; j++)
                fq[i * k + j] *= share;
        }
    }
}
