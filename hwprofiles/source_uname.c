/* Which architecture it is, and its host name. */
#include <string.h>
#include <sys/utsname.h>

#include "hwprofiles/source.h"

static haq_status write_names(struct haq_buf *out, struct haq_diag *d)
{
    struct utsname u;
    if (uname(&u))
        return haq_fail(d, HAQ_FAILED, "uname tells nothing");
    haq_buf_printf(out, "arch: %s\nhost: %s\n", u.machine, u.nodename);
    return HAQ_OK;
}

haq_status haq_source_uname(struct haq_probe *p, struct haq_diag *d)
{
    struct haq_machine *m = p->m;
    char *text, *key, *value;
    haq_status s =
        haq_probe_made(p, "machine.txt", write_names, &text, NULL, d);
    if (s != HAQ_OK)
        return s;
    while (haq_probe_pair(&text, &key, &value)) {
        const char **to = !strcmp(key, "arch")   ? &m->arch
                          : !strcmp(key, "host") ? &m->host
                                                 : NULL;
        if (!to || !value || !*value)
            return haq_fail(d, HAQ_FORMAT,
                            "%s: lines are \"arch: NAME\" and \"host: NAME\"",
                            haq_probe_name(p, "machine.txt"));
        *to = haq_probe_line(p, value);
        if (!*to)
            return haq_fail(d, HAQ_NOMEM,
                            "names of the machine: out of memory");
    }
    if (!m->arch)
        return haq_fail(d, HAQ_INVALID,
                        "%s does not say the architecture; it is no recorded "
                        "machine (haq devices --record)",
                        haq_probe_name(p, "machine.txt"));
    return HAQ_OK;
}
