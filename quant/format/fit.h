/* quant/format/fit.h - scales of least squared error for formats of so few
 * codes that the range says little.
 *
 * With codes c in {-1, 0, 1} and sum c^2 = m, the error |w - s c|^2 is least
 * for s = sum |w| / m over the m weights that are not 0, and is then
 * |w|^2 - (sum |w|)^2 / m.  The m largest magnitudes have the largest sum, so
 * trying every m over the sorted magnitudes finds the optimum (Li, Zhang, Liu
 * 2016, "Ternary Weight Networks", eq. 5, without its approximation).  Binary
 * codes have m = n (Rastegari et al. 2016, "XNOR-Net", eq. 6).
 *
 * At the optimum every weight has the code that is nearest for that scale, so
 * a scale alone says what the codes are.
 */
#ifndef HAQ_QUANT_FORMAT_FIT_H
#define HAQ_QUANT_FORMAT_FIT_H

#include "quant/format/format.h"

haq_format_fit haq_fit_ternary, haq_fit_binary;

#endif
