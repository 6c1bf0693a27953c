/* Target "recipe": OUT.json and, beside it, OUT.safetensors that it names. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "quant/export/targets.h"

/* `path` without a final ".json", with ".safetensors". */
static char *params_path(const char *path)
{
    static const char extension[] = ".json";
    size_t len = strlen(path), cut = sizeof extension - 1;
    struct haq_buf b;
    haq_buf_init(&b);
    if (len > cut && !strcmp(path + len - cut, extension))
        len -= cut;
    haq_buf_add(&b, path, len);
    haq_buf_puts(&b, ".safetensors");
    return haq_buf_take(&b);
}

haq_status haq_export_recipe(const struct haq_export_job *job,
                             struct haq_diag *d)
{
    /* A shallow copy: only what names the params file differs. */
    struct haq_recipe r = *job->recipe;
    char *path = params_path(job->out_path);
    if (!path)
        return haq_fail(d, HAQ_NOMEM, "export to %s", job->out_path);
    const char *slash = strrchr(path, '/');
    haq_status s = haq_params_write(job->params, path, r.params_hash, d);
    r.params_file = slash ? slash + 1 : path;
    /* The recipe comes last: where it is, its parameters are. */
    if (!s)
        s = haq_recipe_write(&r, job->out_path, d);
    free(path);
    return s;
}
