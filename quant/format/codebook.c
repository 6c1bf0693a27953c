#include "quant/format/codebook.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quant/format/coder.h"

static int smaller_first(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Sums over the first so many points. */
struct sums {
    double w, x, xx;
};

struct fit {
    size_t m;          /* points: different numbers, or neighbours together */
    struct sums *sum;  /* [m + 1] */
    double *was, *now; /* [m] D of the row before and of this one */
    uint32_t *first;   /* [levels][m] where the last cluster of 0..j begins */
    double middle;     /* taken off the numbers: sums of squares cancel less */
};

/* Of points i..j in one cluster. */
static double cost(const struct fit *f, size_t i, size_t j)
{
    const struct sums *a = &f->sum[i], *b = &f->sum[j + 1];
    double x = b->x - a->x;
    return fmax(0, b->xx - a->xx - x * x / (b->w - a->w));
}

/* Row k at low..high, whose best beginnings lie in from..to. */
static void fill_row(struct fit *f, size_t k, size_t low, size_t high,
                     size_t from, size_t to)
{
    size_t j = low + (high - low) / 2, best = from;
    double least = INFINITY;
    for (size_t i = from; i <= to && i <= j; i++) {
        double d = f->was[i - 1] + cost(f, i, j);
        if (d < least) {
            least = d;
            best = i;
        }
    }
    f->now[j] = least;
    f->first[k * f->m + j] = (uint32_t)best;
    if (j > low)
        fill_row(f, k, low, j - 1, from, best);
    if (j < high)
        fill_row(f, k, j + 1, high, best, to);
}

static void solve(struct fit *f, size_t levels)
{
    for (size_t j = 0; j < f->m; j++) {
        f->now[j] = cost(f, 0, j);
        f->first[j] = 0;
    }
    for (size_t k = 1; k < levels; k++) {
        double *was = f->was;
        f->was = f->now;
        f->now = was;
        /* k + 1 clusters need as many points. */
        fill_row(f, k, k, f->m - 1, k, f->m - 1);
    }
}

static void read_levels(float *level, size_t levels, const struct fit *f)
{
    size_t end = f->m;
    for (size_t k = levels; k-- > 0;) {
        size_t begin = f->first[k * f->m + end - 1];
        const struct sums *a = &f->sum[begin], *b = &f->sum[end];
        level[k] = (float)((b->x - a->x) / (b->w - a->w) + f->middle);
        end = begin;
    }
}

/* Equal numbers are one point, and so are neighbours where there are too many
 * points. */
static void add_points(struct fit *f, const float *sorted, size_t n)
{
    size_t together = (n + HAQ_CODEBOOK_EXACT - 1) / HAQ_CODEBOOK_EXACT, in = 0;
    f->middle = (double)sorted[n / 2];
    f->sum[0] = (struct sums){0};
    for (size_t i = 0; i < n; i++) {
        double x = (double)sorted[i] - f->middle;
        bool same = i && sorted[i] == sorted[i - 1];
        if (!same && (in >= together || !i)) {
            f->sum[f->m + 1] = f->sum[f->m];
            f->m++;
            in = 0;
        }
        struct sums *s = &f->sum[f->m];
        in++;
        s->w += 1;
        s->x += x;
        s->xx += x * x;
    }
}

haq_status haq_codebook_fit(float *level, size_t levels, const float *w,
                            size_t n, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct fit f = {0};
    double *rows = NULL;
    float *sorted = malloc((n + 1) * sizeof *sorted);
    memset(level, 0, levels * sizeof *level);
    if (!n)
        goto done;
    f.sum = calloc(n + 1, sizeof *f.sum);
    if (!sorted || !f.sum) {
        s = haq_fail(d, HAQ_NOMEM, "codebook of %zu weights", n);
        goto done;
    }
    memcpy(sorted, w, n * sizeof *w);
    qsort(sorted, n, sizeof *sorted, smaller_first);
    add_points(&f, sorted, n);

    size_t used = levels < f.m ? levels : f.m;
    rows = calloc(2 * f.m, sizeof *rows);
    f.first = calloc(used * f.m, sizeof *f.first);
    if (!rows || !f.first) {
        s = haq_fail(d, HAQ_NOMEM, "codebook of %zu weights", n);
        goto done;
    }
    f.was = rows, f.now = rows + f.m;
    solve(&f, used);
    read_levels(level, used, &f);
    for (size_t k = used; k < levels; k++)
        level[k] = level[used - 1];
done:
    free(rows);
    free(f.first);
    free(f.sum);
    free(sorted);
    return s;
}

const struct haq_coder haq_coder_codebook = {
    .learned = true, .top = 1, .scaling = &haq_scaling_none, .grain = "tensor"};
