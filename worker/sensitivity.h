/* worker/sensitivity.h - which layer hurts, and why.
 *
 * Every layer is quantized alone (one in), with its activations and without,
 * and, if asked for, left out of an otherwise quantized network (one out). The
 * network's outputs on calibration samples are compared with the float model's;
 * weights are looked at by themselves, and, if asked for, through gradients of
 * the float model's loss (train/saliency.h).
 */
#ifndef HAQ_WORKER_SENSITIVITY_H
#define HAQ_WORKER_SENSITIVITY_H

#include "base/arena.h"
#include "quant/recipe.h"
#include "train/saliency.h"
#include "worker/task.h"

/* Signal to quantization noise, 10 log10(sum x^2 / sum (x - q)^2), in dB. */
struct haq_layer_damage {
    const char *layer;
    double kl, sqnr_db;     /* of the outputs, this layer quantized alone */
    double weights_only_db; /* sqnr with float activations */
    double out_kl;          /* all but this layer quantized; NAN: not asked */
    double share;           /* of the noise that all layers make alone */
    double weight_db;       /* sqnr of the weights as codes */
    double channel_db, group_db; /* with a scale per channel, per 32 */
    size_t worst_channel;        /* of the weights */
    double worst_db;
    double range_ratio; /* largest over median absmax of the channels */
    /* NAN where gradients were not asked for: */
    struct haq_saliency_cost cost;
    double trace, trace_error; /* of the Hessian */
};

struct haq_sensitivity {
    struct haq_arena arena;
    struct haq_layer_damage *layer; /* [n] in network order */
    size_t n;
    double all_kl, all_sqnr_db; /* all layers quantized */
    size_t samples;
    bool gradients;
    bool drawn;    /* labels come from the model, not from the data */
    size_t probes; /* vectors for the traces */
    double loss;   /* of the float model */
};

struct haq_sensitivity_options {
    size_t samples; /* of the calibration set; 0 = 256 */
    bool one_out;
    bool gradients;
    size_t probes; /* for the traces at most; 0 = 32 */
    void (*progress)(void *arg, size_t done, size_t of); /* or NULL */
    void *arg;
};

/* `recipe` says what every layer would be quantized to; layers that it does not
 * list are left out.  HAQ_USAGE without calibration data; HAQ_UNSUPPORTED: an
 * operator has no gradients.  fini what succeeded. */
haq_status haq_session_sensitivity(struct haq_session *s,
                                   const struct haq_recipe *recipe,
                                   const struct haq_sensitivity_options *opt,
                                   struct haq_sensitivity *out,
                                   struct haq_diag *d);
void haq_sensitivity_fini(struct haq_sensitivity *s);

/* What to do about layer i in a few words ("keep it at 8 bits", "a scale per
 * channel gains 11 dB"); "" when it is not worth a word.  Cut to `size`. */
void haq_sensitivity_advice(const struct haq_sensitivity *s, size_t i,
                            const struct haq_recipe_layer *spec, char *out,
                            size_t size);

#endif
