#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "report/report.h"

static haq_status print_text(const json_t *front, struct haq_diag *d)
{
    char *text = NULL;
    size_t len;
    haq_status s;

    setlocale(LC_CTYPE, "");
    s = haq_report_text(front, !strcmp(nl_langinfo(CODESET), "UTF-8"), &text,
                        &len, d);
    if (s == HAQ_OK)
        fputs(text, stdout);
    free(text);
    return s;
}

haq_status haq_cmd_front(const struct haq_command *self, int argc, char **argv,
                         struct haq_diag *d)
{
    struct haq_common common;
    struct haq_arena arena = {0};
    const char *dir = NULL, *path;
    json_t *front = NULL;

    haq_common_init(&common);
    haq_status s =
        haq_opts_parse(self, NULL, 0, &common, argc, argv, &dir, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    path = haq_arena_printf(&arena, "%s/front.json", dir);
    s = path ? haq_json_read(path, &front, d)
             : haq_fail(d, HAQ_NOMEM, "reading %s", dir);
    if (s == HAQ_OK && common.json)
        s = haq_print_json(json_incref(front), d);
    else if (s == HAQ_OK)
        s = haq_fail_in(d, print_text(front, d), path);
    json_decref(front);
    haq_arena_fini(&arena);
    return s;
}
