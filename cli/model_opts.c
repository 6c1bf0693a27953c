#include "cli/model_opts.h"

haq_status haq_model_config(struct haq_session_config *out,
                            struct haq_model_opts *m,
                            const struct haq_common *common,
                            const char *model_path, struct haq_diag *d)
{
    *out = (struct haq_session_config){.model_path = model_path,
                                       .dims = m->bound,
                                       .n_dims = m->dims.n,
                                       .isa = common->isa,
                                       .threads = common->threads};
    return haq_parse_dims(m->bound, &m->dims, &m->arena, d);
}
