/* hwprofiles/capability.h - what a device can do with numbers, as rows.
 *
 * A row says for sets of operators, weight formats, activation formats and
 * granularities how the device executes them:
 *
 *   native    the device works on the codes as they are
 *   emulated  it gives the same numbers by working on wider ones: accuracy is
 *             that of the format, time and memory are those of what it becomes
 *   no        it cannot, or what it would give is something else
 *
 * The first row that fits a choice holds; what no row fits is "no".
 *
 * Words: operators are conv, grouped, depthwise, matmul.  Formats are those of
 * quant/format/format.h; activations add ":static" or ":dynamic" unless they
 * are float.  Granularities are tensor, channel, group.  A word that ends with
 * '*' stands for all that begin so.
 */
#ifndef HAQ_HWPROFILES_CAPABILITY_H
#define HAQ_HWPROFILES_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "hwprofiles/fields.h"
#include "quant/format/format.h"

enum haq_support { HAQ_SUPPORT_NO, HAQ_SUPPORT_EMULATED, HAQ_SUPPORT_NATIVE };

struct haq_capability {
    struct haq_list ops, weights, activations, granularities; /* const char * */
    unsigned support;     /* enum haq_support */
    const char *kernel;   /* what executes it; NULL: nothing */
    const char *note;     /* why emulated or not at all; NULL: nothing to say */
    uint64_t group_of;    /* groups must be multiples of it; 0: any */
    uint64_t channels_of; /* output channels likewise */
    uint64_t reduction_of; /* weights of an output channel likewise */
    uint64_t one_group;    /* 1: only when a group holds a whole channel */
};

extern const struct haq_fields haq_capability_fields;

const char *haq_support_name(enum haq_support s); /* static */

/* Add a row whose words stand in comma lists ("int8,uint8"; copied). NULL: no
 * memory. */
struct haq_capability *haq_capability_add(struct haq_list *rows,
                                          struct haq_arena *a, const char *ops,
                                          const char *weights,
                                          const char *activations,
                                          const char *granularities);

/* Does one of the words stand for `word`? */
bool haq_words_have(const struct haq_list *words, const char *word);

/* Every word must be known here (and "int*" stand for something): HAQ_FORMAT
 * with `where` in front. */
haq_status haq_capability_check(const struct haq_capability *c,
                                const char *where, struct haq_diag *d);

/* "uint8:static", "fp32" */
void haq_activation_word(char out[32], const struct haq_format *f,
                         bool dynamic);

#endif
