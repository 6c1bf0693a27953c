#include "worker/inputs.h"

#include "runtime/observe_inputs.h"
#include "worker/session_priv.h"

haq_status haq_session_inputs(struct haq_session *s, struct haq_inputs *out,
                              struct haq_diag *d)
{
    if (!s->calib.present)
        return haq_fail(d, HAQ_USAGE, "statistics of inputs need --calib");
    return haq_fail_in(d,
                       haq_observe_inputs(out, s->bulk, &s->calib.set,
                                          s->config.isa, s->pool, d),
                       s->calib.path);
}
