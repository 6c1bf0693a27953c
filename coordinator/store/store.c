#include "coordinator/store/store.h"

#include <stdlib.h>

extern const struct haq_store_ops haq_store_sqlite;

const struct haq_store_ops *const haq_store_engines[] = {
    &haq_store_sqlite,
    NULL,
};

void haq_measurement_fini(struct haq_measurement *m)
{
    free(m->memory);
    m->memory = NULL;
}

void haq_job_fini(struct haq_job *j)
{
    free(j->memory);
    j->memory = NULL;
}

haq_status haq_store_open(struct haq_store **out, const char *path,
                          struct haq_diag *d)
{
    return haq_store_engines[0]->open(out, path, d);
}

void haq_store_close(struct haq_store *s)
{
    if (s)
        s->ops->close(s);
}

haq_status haq_store_begin(struct haq_store *s, struct haq_diag *d)
{
    return s->ops->begin(s, d);
}

haq_status haq_store_commit(struct haq_store *s, struct haq_diag *d)
{
    return s->ops->commit(s, d);
}

void haq_store_rollback(struct haq_store *s)
{
    s->ops->rollback(s);
}

haq_status haq_store_put(struct haq_store *s, const struct haq_measurement *m,
                         bool *stored, struct haq_diag *d)
{
    return s->ops->put(s, m, stored, d);
}

haq_status haq_store_get(struct haq_store *s, const char *key,
                         struct haq_measurement *out, bool *found,
                         struct haq_diag *d)
{
    return s->ops->get(s, key, out, found, d);
}

haq_status haq_store_supersede(struct haq_store *s, const char *job,
                               const char *key, const char *reason,
                               struct haq_diag *d)
{
    return s->ops->supersede(s, job, key, reason, d);
}

haq_status haq_store_put_failure(struct haq_store *s, const char *job,
                                 const char *key, const char *reason,
                                 double elapsed_s, struct haq_diag *d)
{
    return s->ops->put_failure(s, job, key, reason, elapsed_s, d);
}

haq_status haq_store_get_failure(struct haq_store *s, const char *job,
                                 const char *key, char *reason, size_t size,
                                 double *elapsed_s, bool *found,
                                 struct haq_diag *d)
{
    return s->ops->get_failure(s, job, key, reason, size, elapsed_s, found, d);
}

haq_status haq_store_put_event(struct haq_store *s, const char *job,
                               const char *type, const char *body,
                               struct haq_diag *d)
{
    return s->ops->put_event(s, job, type, body, d);
}

haq_status haq_store_put_job(struct haq_store *s, const struct haq_job *j,
                             struct haq_diag *d)
{
    return s->ops->put_job(s, j, d);
}

haq_status haq_store_get_job(struct haq_store *s, struct haq_job *out,
                             bool *found, struct haq_diag *d)
{
    return s->ops->get_job(s, out, found, d);
}

haq_status haq_store_set_progress(struct haq_store *s, const char *job,
                                  double elapsed_s, bool finished,
                                  struct haq_diag *d)
{
    return s->ops->set_progress(s, job, elapsed_s, finished, d);
}

haq_status haq_store_count(struct haq_store *s, const char *table,
                           uint64_t *out, struct haq_diag *d)
{
    return s->ops->count(s, table, out, d);
}
