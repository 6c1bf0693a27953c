/* SmoothQuant (Xiao et al. 2023, arXiv 2211.10438; fact sheet 4.7): part of
 * what makes activations hard to round goes into the weights.
 *
 *     s_j = max |x_j|^alpha / max |W_j|^(1 - alpha)
 *
 * over all layers that read x.  Which alpha is best depends on the model (0.5
 * in the paper, 0.6 to 0.9 for later ones): it is searched for (smooth.h).
 */
#include <math.h>

#include "quant/method/smooth.h"

static const double tiny = 1e-5; /* as in the authors' smooth.py */

static void factors(double *s, const struct haq_smooth_group *g, double alpha)
{
    for (size_t i = 0; i < g->channels; i++) {
        double x = fmax(g->hi[i], -g->lo[i]), w = haq_smooth_largest(g, i);
        s[i] = x > 0 && w > 0
                   ? pow(fmax(x, tiny), alpha) / pow(fmax(w, tiny), 1 - alpha)
                   : 0;
    }
}

haq_status haq_method_smoothquant(struct haq_prepare *p, struct haq_diag *d)
{
    return haq_smooth(p, factors, d);
}
