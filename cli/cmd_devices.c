#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/show_machine.h"
#include "cli/this_target.h"

struct devices_opts {
    const char *from, *record, *save, *since;
    bool capabilities;
};

static bool is_folder(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static haq_status get_profile(struct haq_target *p,
                              const struct devices_opts *o,
                              const struct haq_common *common,
                              struct haq_diag *d)
{
    if (o->from && !is_folder(o->from))
        return haq_target_read(p, o->from, d);
    return haq_this_target(p, o->from, o->record, common->isa, d);
}

/* What of the fingerprint differs from the profile that was saved. */
static haq_status compare(const struct haq_target *now, const char *path,
                          bool as_json, struct haq_diag *d)
{
    struct haq_target was;
    char *words = NULL;
    haq_status s = haq_target_read(&was, path, d);
    if (s != HAQ_OK)
        return s;
    if (!was.has_machine || !now->has_machine)
        s = haq_fail(d, HAQ_INVALID, "%s describes no machine",
                     was.has_machine ? "--from" : path);
    else if (!(words = haq_machine_changes(&was.machine, &now->machine)))
        s = haq_fail(d, HAQ_NOMEM, "changes since %s", path);
    else if (as_json)
        s = haq_print_json(
            json_pack("{s:s, s:s}", "since", path, "changes", words), d);
    else
        printf("%s since %s%s%s\n",
               *words ? "changed" : "nothing that changes latencies is new",
               path, *words ? ": " : "", words);
    free(words);
    haq_target_fini(&was);
    return s;
}

static haq_status show(const struct haq_target *p, const struct devices_opts *o,
                       const struct haq_common *common, struct haq_diag *d)
{
    if (o->save) {
        haq_status s = haq_target_write(p, o->save, d);
        if (s != HAQ_OK)
            return s;
    }
    if (o->since)
        return compare(p, o->since, common->json, d);
    if (common->json)
        return haq_print_json(haq_target_to_json(p), d);
    if (o->capabilities)
        haq_show_capabilities(p);
    else
        haq_show_target(p);
    return HAQ_OK;
}

haq_status haq_cmd_devices(const struct haq_command *self, int argc,
                           char **argv, struct haq_diag *d)
{
    struct haq_common common;
    struct devices_opts o = {0};
    const struct haq_opt opts[] = {
        {"from", 0, HAQ_OPT_TEXT, &o.from, "DIR|FILE",
         "a recorded machine or a profile instead of this machine"},
        {"record", 0, HAQ_OPT_TEXT, &o.record, "DIR",
         "keep all that was read, to be read with --from elsewhere"},
        {"save", 0, HAQ_OPT_TEXT, &o.save, "FILE", "write the profile"},
        {"since", 0, HAQ_OPT_TEXT, &o.since, "FILE",
         "what has changed that changes latencies since FILE was saved"},
        {"capabilities", 0, HAQ_OPT_FLAG, &o.capabilities, NULL,
         "which formats are executed natively, emulated or not"},
    };
    enum { N_OPTS = sizeof opts / sizeof *opts };
    struct haq_target p;

    haq_common_init(&common);
    haq_status s =
        haq_opts_parse(self, opts, N_OPTS, &common, argc, argv, NULL, 0, 0, d);
    if (s != HAQ_OK || common.help)
        return s;
    if (o.from && o.record)
        return haq_fail(d, HAQ_USAGE,
                        "--record is about this machine, --from "
                        "about another: choose one");
    s = get_profile(&p, &o, &common, d);
    if (s != HAQ_OK)
        return s;
    s = show(&p, &o, &common, d);
    haq_target_fini(&p);
    return s;
}
