/* cli/model_opts.h - the options of every command that opens a model. */
#ifndef HAQ_CLI_MODEL_OPTS_H
#define HAQ_CLI_MODEL_OPTS_H

#include "cli/cli.h"
#include "graph/onnx_import.h"
#include "worker/task.h"

struct haq_model_opts {
    struct haq_arena arena;
    struct haq_opt_list dims;
    struct haq_dim_binding bound[HAQ_OPT_LIST_MAX];
};

/* The option row of --dim for an option table. */
#define HAQ_DIM_OPT(m)                                                         \
    {                                                                          \
        "dim", 0, HAQ_OPT_LIST, &(m)->dims, "NAME=N",                          \
            "size of a symbolic dimension"                                     \
    }

/* A session config from parsed options; `m` keeps what it points to and is
 * freed with haq_arena_fini(&m->arena). */
haq_status haq_model_config(struct haq_session_config *out,
                            struct haq_model_opts *m,
                            const struct haq_common *common,
                            const char *model_path, struct haq_diag *d);

#endif
