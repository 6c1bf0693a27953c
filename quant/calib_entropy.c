/* The range by entropy, as TensorRT chooses it (S. Migacz, "8-bit inference
 * with TensorRT", GTC 2017), for any number of bits and for ranges with two
 * different ends.
 *
 * H is the histogram of |x|, 2048 bins.  Clipped behind bin i it is
 *
 *     P = H[0 .. i), the mass behind it added to the last bin,
 *
 * and what L codes make of it is Q: i bins in L equal intervals, the mass of
 * each spread evenly over those of its bins that are not empty.  The threshold
 * is the upper edge of the i with the least KL(P || Q), the largest such i.
 *
 *  - L is the number of codes that cover [0, T]: 2^(b-1) of a signed format and
 *    of a tensor that reaches as far below 0 as above; 2^b where nothing is
 *    below 0.  Candidates start at i = L: with fewer bins than codes nothing
 *    would be lost, whatever the bits, and 128 (right for int8) would leave 4
 *    bits no choice at all below 128 bins.
 *  - H[0] = H[1]: the zeros of a Relu, which every code keeps exactly, would
 *    outweigh everything else.
 *
 *  - A candidate keeps at least 9 of 10 values of H.  Where many values are the
 *    same, as behind a constant background, clipping right at them makes P and
 * Q nearly one bin each and their divergence 0; published versions then cut off
 *    nearly everything.
 *
 * All sums over the bins of an interval come from running sums, so a candidate
 * costs L logarithms and not i.
 */
#include "quant/calib_method.h"

#include <math.h>

static const double LEAST_KEPT = 0.9;

struct fold {
    double top;               /* of |x| */
    double h[HAQ_CALIB_BINS]; /* values by |x| over [0, top] */
};

struct sums { /* over the first i bins */
    double mass[HAQ_CALIB_BINS + 1];
    double mass_log[HAQ_CALIB_BINS + 1]; /* of h ln h */
    int full[HAQ_CALIB_BINS + 1];        /* bins that are not empty */
};

static double x_log_x(double x)
{
    return x > 0 ? x * log(x) : 0;
}

/* n values spread evenly over [a, b], 0 <= a <= b. */
static void spread(struct fold *f, double a, double b, double n)
{
    double width = f->top / HAQ_CALIB_BINS, per = b > a ? n / (b - a) : 0;
    for (int i = (int)(a / width); i < HAQ_CALIB_BINS; i++) {
        double from = fmax(a, i * width), to = fmin(b, (i + 1) * width);
        if (to <= from)
            break;
        f->h[i] += per * (to - from);
    }
}

static void fold(struct fold *f, const struct haq_tensor_stats *s)
{
    double min = (double)s->min, max = (double)s->max;
    double width = (max - min) / HAQ_CALIB_BINS;
    bool has_zero = s->min <= 0 && s->max >= 0;
    size_t zero = haq_calib_bin(0, s->min, s->max);
    *f = (struct fold){.top = fmax(fabs(min), fabs(max))};
    for (size_t i = 0; i < HAQ_CALIB_BINS; i++) {
        double a = min + (double)i * width, b = a + width;
        double n = (double)s->bins[i];
        if (has_zero && i == zero)
            n -= (double)s->zeros;
        if (!(n > 0))
            continue;
        double below = fmin(fmax(-a, 0), width); /* how far it lies below 0 */
        spread(f, fmax(-b, 0), fmax(-a, 0), n * below / width);
        spread(f, fmax(a, 0), fmax(b, 0), n * (1 - below / width));
    }
    f->h[0] = f->h[1];
}

static void add_up(struct sums *s, const struct fold *f)
{
    s->mass[0] = s->mass_log[0] = 0;
    s->full[0] = 0;
    for (int i = 0; i < HAQ_CALIB_BINS; i++) {
        s->mass[i + 1] = s->mass[i] + f->h[i];
        s->mass_log[i + 1] = s->mass_log[i] + x_log_x(f->h[i]);
        s->full[i + 1] = s->full[i] + (f->h[i] > 0);
    }
}

static double divergence(const struct fold *f, const struct sums *s, int i,
                         int levels)
{
    double all = s->mass[HAQ_CALIB_BINS], kept = s->mass[i];
    double last = f->h[i - 1], tail = all - kept, cross = 0;
    if (!(kept > 0) || kept < LEAST_KEPT * all)
        return INFINITY;
    if (tail > 0 && !(last > 0))
        return INFINITY; /* P has mass where Q has none */
    for (int k = 0, from = 0; k < levels; k++) {
        int to = ((k + 1) * i + levels - 1) / levels;
        double mass = s->mass[to] - s->mass[from];
        int full = s->full[to] - s->full[from];
        if (full)
            cross += (k == levels - 1 ? mass + tail : mass) * log(mass / full);
        from = to;
    }
    double own = s->mass_log[i] - x_log_x(last) + x_log_x(last + tail);
    return (own - cross) / all + log(kept / all);
}

/* Codes that cover [0, t] when the range ends at t. */
static int levels_for(const struct haq_tensor_stats *s,
                      const struct haq_act_spec *spec, double t)
{
    int bits = spec->format->bits;
    if (spec->format->is_signed)
        return 1 << (bits - 1);
    double lo = fmin(fmax((double)s->min, -t), 0);
    double hi = fmax(fmin((double)s->max, t), 0);
    return (int)lround((1 << bits) * t / (hi - lo));
}

void haq_calib_entropy(const struct haq_tensor_stats *s, double parameter,
                       const struct haq_act_spec *spec, float *lo, float *hi)
{
    struct fold f;
    struct sums sums;
    double least = INFINITY, threshold;
    (void)parameter;
    *lo = s->min;
    *hi = s->max;
    if (!(s->max > s->min))
        return;
    fold(&f, s);
    add_up(&sums, &f);
    threshold = f.top;
    for (int i = 1; i <= HAQ_CALIB_BINS; i++) {
        double t = f.top * i / HAQ_CALIB_BINS;
        int levels = levels_for(s, spec, t);
        double kl = i < levels ? INFINITY : divergence(&f, &sums, i, levels);
        if (kl < INFINITY && kl <= least) {
            least = kl;
            threshold = t;
        }
    }
    *lo = fmaxf(s->min, (float)-threshold);
    *hi = fminf(s->max, (float)threshold);
}
