/* OCTAV (Sakr et al., "Optimal clipping and magnitude-aware differentiation",
 * ICML 2022): clip where the noise of rounding and that of clipping balance.
 *
 * n steps over a range of width w make noise (w / n)^2 / 12 on what lies inside
 * it, but for zeros, which have a code of their own.  With c = 1 / (12 n^2),
 *
 *     J(lo, hi) = c (hi - lo)^2 P(inside) + E[(x - hi)^2; x > hi]
 *                                         + E[(lo - x)^2; x < lo],
 *
 * and a zero of its derivative is a fixed point of Newton's steps (densities at
 * the ends left out, as in the paper)
 *
 *     hi <- (E[x; x > hi] + c lo P(inside)) / (c P(inside) + P(x > hi))
 *
 * and likewise lo.  A signed format has lo = -hi = -a, n = 2^(b-1) - 1 steps
 * from 0 to a, and J = c a^2 P(inside) + E[(|x| - a)^2; |x| > a]:
 *
 *     a <- E[|x|; |x| > a] / (c P(inside) + P(|x| > a)).
 *
 * Steps begin inside, at the mean of either side, and end within a dozen; where
 * nothing lies outside any more they would start anew, so the range of the
 * least J on the way is what counts.  "mse" rounds for real: it differs where
 * the steps are coarse, below 4 bits.
 */
#include "quant/calib_method.h"

#include <math.h>

enum { MOST_STEPS = 50 };
static const double CLOSE_ENOUGH = 1e-5;

/* Sums over the values beyond an end, counted away from it. */
struct tail {
    double n, sum, square; /* of 1, |x|, (|x| - |end|)^2 */
};

struct clip {
    const struct haq_tensor_stats *s;
    double width, c;
    size_t zero; /* the bin of 0 */
    double lo, hi;
};

/* Values above `end` (side 1) or below -`end` (side -1), by magnitude; a bin's
 * are taken as spread evenly. */
static struct tail beyond(const struct clip *k, int side, double end)
{
    struct tail t = {0, 0, 0};
    for (size_t i = 0; i < HAQ_CALIB_BINS; i++) {
        double n = (double)k->s->bins[i];
        double a = (double)k->s->min + (double)i * k->width, b = a + k->width;
        double from = side > 0 ? a : -b, to = side > 0 ? b : -a;
        if (i == k->zero)
            n -= (double)k->s->zeros;
        if (to <= end || !(n > 0))
            continue;
        from = fmax(from, end);
        n *= (to - from) / k->width;
        double far = to - end, near = from - end;
        t.n += n;
        t.sum += n * (from + to) / 2;
        t.square += n * (far * far + far * near + near * near) / 3;
    }
    return t;
}

static double nonzero(const struct clip *k)
{
    return (double)k->s->count - (double)k->s->zeros;
}

/* One step of both ends; returns J of the range it started from. */
static double step_two_ends(struct clip *k)
{
    struct tail up = beyond(k, 1, k->hi), down = beyond(k, -1, -k->lo);
    double in = k->c * fmax(nonzero(k) - up.n - down.n, 0);
    double width = k->hi - k->lo;
    double j = in * width * width + up.square + down.square;
    double lo = k->lo, hi = k->hi;
    if (in + up.n > 0)
        k->hi = fmax((up.sum + in * lo) / (in + up.n), 0);
    if (in + down.n > 0)
        k->lo = fmin((in * hi - down.sum) / (in + down.n), 0);
    return j;
}

static double step_symmetric(struct clip *k)
{
    struct tail up = beyond(k, 1, k->hi), down = beyond(k, -1, k->hi);
    double in = k->c * fmax(nonzero(k) - up.n - down.n, 0);
    double j = in * k->hi * k->hi + up.square + down.square;
    if (in + up.n + down.n > 0)
        k->hi = (up.sum + down.sum) / (in + up.n + down.n);
    k->lo = -k->hi;
    return j;
}

/* The means of either side. */
static void begin(struct clip *k, bool symmetric)
{
    struct tail up = beyond(k, 1, 0), down = beyond(k, -1, 0);
    if (symmetric) {
        up.n += down.n;
        up.sum += down.sum;
    }
    k->hi = up.n > 0 ? up.sum / up.n : 0;
    k->lo = down.n > 0 ? -down.sum / down.n : 0;
    if (symmetric)
        k->lo = -k->hi;
}

void haq_calib_octav(const struct haq_tensor_stats *s, double parameter,
                     const struct haq_act_spec *spec, float *lo, float *hi)
{
    bool symmetric = spec->format->is_signed;
    int bits = spec->format->bits;
    double n = symmetric ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
    struct clip k = {.s = s, .c = 1 / (12 * n * n)};
    double least = INFINITY;
    (void)parameter;
    *lo = s->min;
    *hi = s->max;
    if (!(s->max > s->min))
        return;
    k.width = ((double)s->max - (double)s->min) / HAQ_CALIB_BINS;
    k.zero = s->min <= 0 && s->max >= 0 ? haq_calib_bin(0, s->min, s->max)
                                        : HAQ_CALIB_BINS;
    begin(&k, symmetric);
    for (int i = 0; i < MOST_STEPS; i++) {
        double was_lo = k.lo, was_hi = k.hi;
        double j = symmetric ? step_symmetric(&k) : step_two_ends(&k);
        if (j < least) {
            least = j;
            *lo = (float)was_lo;
            *hi = (float)was_hi;
        }
        if (fabs(k.lo - was_lo) + fabs(k.hi - was_hi) <
            CLOSE_ENOUGH * (was_hi - was_lo))
            break;
    }
}
