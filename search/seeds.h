/* search/seeds.h - where evolution starts: exact allocations over an additive
 * model of damage, size and time.
 *
 * Measured one-in damages become a table for all options of a layer:
 *
 *   width        known widths exactly; between two known ones the geometric
 *                mean; beyond them a factor 4 per bit (quantization noise power
 *                is 4^-b); never less damage for fewer bits
 *   ternary,     measured, or a half of what int2 does (its scale is the better
 *   binary       one) and four times what ternary does
 *   groups       the ratio measured at int3, for all widths of the layer
 *   activations  static: measured at int8, less the weights' part; dynamic: 0.7
 *                of it (it adapts to the sample)
 *
 * The damage of a network is the sum over its layers (algorithms.md 6.3).
 */
#ifndef HAQ_SEARCH_SEEDS_H
#define HAQ_SEARCH_SEEDS_H

#include "search/space.h"

/* The choices whose damage is measured, one layer at a time, where the search
 * may use them; static activations stand for the space's first ones. */
enum { HAQ_PROBES = 8 };
extern const struct haq_choice haq_probes[HAQ_PROBES];

/* Fill `damage` [layers][HAQ_OPTIONS] from `probe` [layers][HAQ_PROBES], NAN
 * where a probe is missing; INFINITY where a layer does not offer an option.  A
 * layer without any probe gets the mean of the others. */
void haq_damage_table(const struct haq_space *s, const double *probe,
                      double *damage);

/* Seeds from sweeps over size, latency and their mean, `per_cost` each.
 *
 *   damage    [layers][HAQ_OPTIONS] as above
 *   layer_ms  [layers][HAQ_CLASSES], NAN unknown; NULL: size only
 *   genes     out, malloc'ed [*n][s->genes], canonical, may hold twins
 * HAQ_NOMEM. */
haq_status haq_seeds_make(const struct haq_space *s, const double *damage,
                          const double *layer_ms, size_t per_cost, int **genes,
                          size_t *n, struct haq_diag *d);

#endif
