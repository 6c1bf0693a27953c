#include "cli/uniform.h"

#include <string.h>

#include "quant/calib_method.h"

haq_status haq_uniform_recipe(struct haq_recipe *out,
                              const struct haq_session *session,
                              const char *name, const char *weights,
                              const char *activations, const char *calibration,
                              struct haq_diag *d)
{
    const struct haq_layers *layers = haq_session_layers(session);
    const struct haq_calib_method *method;
    struct haq_weight_spec w;
    struct haq_act_spec act;
    double parameter;
    haq_status s = haq_weight_spec_parse(&w, weights, d);

    if (s == HAQ_OK)
        s = haq_act_spec_parse(&act, activations, d);
    if (s == HAQ_OK)
        s = haq_calib_method_parse(&method, &parameter, calibration, d);
    if (s == HAQ_OK)
        s = haq_recipe_uniform(out, layers, &w, &act, d);
    if (s != HAQ_OK)
        return s;
    if (act.format->integer && !act.dynamic) {
        out->calib_method = calibration;
        strcpy(out->calib_hash, haq_session_hash(session, "calib"));
        if (!out->calib_hash[0])
            return haq_fail(d, HAQ_USAGE,
                            "static activations need --calib "
                            "(or choose %s:dynamic or float)",
                            act.format->name);
    }
    return haq_recipe_check(out, name, layers, d);
}

const char *haq_uniform_activations(const char *weights, const char *integers)
{
    struct haq_weight_spec w;
    if (haq_weight_spec_parse(&w, weights, NULL) == HAQ_OK &&
        !w.format->integer)
        return "float";
    return integers;
}
