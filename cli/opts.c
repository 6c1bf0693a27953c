#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/json.h"
#include "cli/cli.h"
#include "graph/onnx_import.h"

void haq_common_init(struct haq_common *c)
{
    *c = (struct haq_common){.isa = haq_cpu_isa()};
}

/* ---- values ---------------------------------------------------------------
 */

static haq_status bad_value(const struct haq_opt *o, const char *text,
                            const char *want, struct haq_diag *d)
{
    return haq_fail(d, HAQ_USAGE, "--%s: \"%s\" is not %s", o->name, text,
                    want);
}

/* A number >= 0 followed by one of the suffix letters (or none). */
static bool parse_scaled(const char *text, const char *letters,
                         const double *factors, double *out)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end == text || errno || !isfinite(v) || v < 0)
        return false;
    if (*end) {
        const char *l = strchr(letters, *end);
        if (!l || end[1])
            return false;
        v *= factors[l - letters];
    }
    *out = v;
    return true;
}

static haq_status set_flag(const struct haq_opt *o, const char *text,
                           struct haq_diag *d)
{
    (void)text, (void)d;
    *(bool *)o->dest = true;
    return HAQ_OK;
}

static haq_status set_text(const struct haq_opt *o, const char *text,
                           struct haq_diag *d)
{
    (void)d;
    *(const char **)o->dest = text;
    return HAQ_OK;
}

static haq_status set_list(const struct haq_opt *o, const char *text,
                           struct haq_diag *d)
{
    struct haq_opt_list *l = o->dest;
    if (l->n == HAQ_OPT_LIST_MAX)
        return haq_fail(d, HAQ_USAGE, "--%s: given more than %d times", o->name,
                        HAQ_OPT_LIST_MAX);
    l->item[l->n++] = text;
    return HAQ_OK;
}

static bool parse_whole(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    *out = v;
    return end != text && !*end && !errno && text[0] >= '0' && text[0] <= '9';
}

static haq_status set_count(const struct haq_opt *o, const char *text,
                            struct haq_diag *d)
{
    uint64_t v;
    if (!parse_whole(text, &v) || v > SIZE_MAX)
        return bad_value(o, text, "a whole number", d);
    *(size_t *)o->dest = (size_t)v;
    return HAQ_OK;
}

static haq_status set_seed(const struct haq_opt *o, const char *text,
                           struct haq_diag *d)
{
    if (!parse_whole(text, o->dest))
        return bad_value(o, text, "a whole number", d);
    return HAQ_OK;
}

static haq_status set_real(const struct haq_opt *o, const char *text,
                           struct haq_diag *d)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !isfinite(v))
        return bad_value(o, text, "a number", d);
    *(double *)o->dest = v;
    return HAQ_OK;
}

static haq_status set_bytes(const struct haq_opt *o, const char *text,
                            struct haq_diag *d)
{
    static const double factors[] = {1e3, 1e3, 1e6, 1e9};
    if (!parse_scaled(text, "kKMG", factors, o->dest))
        return bad_value(o, text, "a size like 1500, 150K or 2M", d);
    return HAQ_OK;
}

static haq_status set_duration(const struct haq_opt *o, const char *text,
                               struct haq_diag *d)
{
    static const double factors[] = {1, 60, 3600};
    if (!parse_scaled(text, "smh", factors, o->dest))
        return bad_value(o, text, "a duration like 90s, 10m or 2h", d);
    return HAQ_OK;
}

static haq_status set_isa(const struct haq_opt *o, const char *text,
                          struct haq_diag *d)
{
    return haq_cpu_isa_parse(text, o->dest, d);
}

typedef haq_status set_fn(const struct haq_opt *o, const char *text,
                          struct haq_diag *d);

static set_fn *const setters[] = {
    [HAQ_OPT_FLAG] = set_flag,   [HAQ_OPT_TEXT] = set_text,
    [HAQ_OPT_LIST] = set_list,   [HAQ_OPT_COUNT] = set_count,
    [HAQ_OPT_SEED] = set_seed,   [HAQ_OPT_REAL] = set_real,
    [HAQ_OPT_BYTES] = set_bytes, [HAQ_OPT_DURATION] = set_duration,
    [HAQ_OPT_ISA] = set_isa,
};

/* ---- the command line -----------------------------------------------------
 */

enum { COMMON = 5 };

static void common_opts(struct haq_opt out[COMMON], struct haq_common *c)
{
    const struct haq_opt rows[COMMON] = {
        {"threads", 't', HAQ_OPT_COUNT, &c->threads, "N",
         "threads (default: all physical cores)"},
        {"isa", 0, HAQ_OPT_ISA, &c->isa, "SET",
         "use no more than: none, avx2, avx512, avx512vnni"},
        {"json", 0, HAQ_OPT_FLAG, &c->json, NULL,
         "one JSON document on standard output"},
        {"quiet", 'q', HAQ_OPT_FLAG, &c->quiet, NULL, "no progress"},
        {"help", 'h', HAQ_OPT_FLAG, &c->help, NULL, "this text"}};
    memcpy(out, rows, sizeof rows);
}

static void print_opts(const struct haq_opt *o, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char left[48];
        char letter[5] = "    ";
        if (o[i].letter)
            snprintf(letter, sizeof letter, "-%c, ", o[i].letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o[i].name,
                 o[i].arg ? " " : "", o[i].arg ? o[i].arg : "");
        printf("  %-30s %s\n", left, o[i].help);
    }
}

static void print_help(const struct haq_command *self,
                       const struct haq_opt *opts, size_t n,
                       const struct haq_opt *common)
{
    printf("haq %s - %s\n\nusage: haq %s %s\n\noptions:\n", self->name,
           self->summary, self->name, self->synopsis);
    print_opts(opts, n);
    print_opts(common, COMMON);
    printf("\nexample:\n  %s\n", self->example);
}

static const struct haq_opt *find_opt(const struct haq_opt *o, size_t n,
                                      const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(o[i].name) == len && !memcmp(o[i].name, name, len))
            return &o[i];
    return NULL;
}

static const struct haq_opt *find_letter(const struct haq_opt *o, size_t n,
                                         char letter)
{
    for (size_t i = 0; i < n; i++)
        if (o[i].letter && o[i].letter == letter)
            return &o[i];
    return NULL;
}

/* The row that argv's word speaks of; *value is what stands behind '='. */
static const struct haq_opt *lookup(const struct haq_opt *opts, size_t n,
                                    const struct haq_opt *common,
                                    const char *word, const char **value)
{
    const struct haq_opt *o = NULL;

    *value = NULL;
    if (word[1] == '-') {
        const char *name = word + 2, *eq = strchr(name, '=');
        size_t len = eq ? (size_t)(eq - name) : strlen(name);
        *value = eq ? eq + 1 : NULL;
        o = find_opt(opts, n, name, len);
        return o ? o : find_opt(common, COMMON, name, len);
    }
    if (!word[2])
        o = find_letter(opts, n, word[1]);
    return o || word[2] ? o : find_letter(common, COMMON, word[1]);
}

/* One option at argv[*i]; its value may be behind '=' or the next word. */
static haq_status take_option(const struct haq_opt *opts, size_t n,
                              const struct haq_opt *common, int argc,
                              char **argv, int *i, struct haq_diag *d)
{
    const char *value;
    const struct haq_opt *o = lookup(opts, n, common, argv[*i], &value);

    if (!o)
        return haq_fail(d, HAQ_USAGE, "unknown option %s (see --help)",
                        argv[*i]);
    if (o->type == HAQ_OPT_FLAG && value)
        return haq_fail(d, HAQ_USAGE, "--%s takes no value", o->name);
    if (o->type != HAQ_OPT_FLAG && !value) {
        if (*i + 1 >= argc)
            return haq_fail(d, HAQ_USAGE, "--%s needs a value (%s)", o->name,
                            o->arg);
        value = argv[++*i];
    }
    return setters[o->type](o, value, d);
}

haq_status haq_opts_parse(const struct haq_command *self,
                          const struct haq_opt *opts, size_t n_opts,
                          struct haq_common *common, int argc, char **argv,
                          const char **pos, size_t min_pos, size_t max_pos,
                          struct haq_diag *d)
{
    struct haq_opt shared[COMMON];
    size_t n_pos = 0;
    bool only_args = false;

    common_opts(shared, common);
    for (int i = 1; i < argc; i++) {
        if (!only_args && !strcmp(argv[i], "--")) {
            only_args = true;
        } else if (!only_args && argv[i][0] == '-' && argv[i][1]) {
            haq_status s = take_option(opts, n_opts, shared, argc, argv, &i, d);
            if (s != HAQ_OK)
                return s;
        } else if (n_pos == max_pos) {
            return haq_fail(d, HAQ_USAGE, "unexpected argument \"%s\"",
                            argv[i]);
        } else {
            pos[n_pos++] = argv[i];
        }
    }
    if (common->help) {
        print_help(self, opts, n_opts, shared);
        return HAQ_OK;
    }
    if (n_pos < min_pos)
        return haq_fail(d, HAQ_USAGE, "usage: haq %s %s", self->name,
                        self->synopsis);
    return HAQ_OK;
}

haq_status haq_parse_dims(struct haq_dim_binding *out,
                          const struct haq_opt_list *list, struct haq_arena *a,
                          struct haq_diag *d)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *item = list->item[i], *eq = strchr(item, '=');
        uint64_t v;
        if (!eq || eq == item || !parse_whole(eq + 1, &v) || !v ||
            v > INT32_MAX)
            return haq_fail(d, HAQ_USAGE, "--dim: \"%s\" is not NAME=N", item);
        char *name = haq_arena_printf(a, "%.*s", (int)(eq - item), item);
        if (!name)
            return haq_fail(d, HAQ_NOMEM, "--dim: out of memory");
        out[i] = (struct haq_dim_binding){name, (int64_t)v};
    }
    return HAQ_OK;
}

haq_status haq_print_json(json_t *j, struct haq_diag *d)
{
    size_t len;
    char *text = j ? haq_json_pretty(j, &len) : NULL;
    json_decref(j);
    if (!text)
        return haq_fail(d, HAQ_NOMEM, "printing JSON");
    bool good = fwrite(text, 1, len, stdout) == len && !fflush(stdout);
    free(text);
    return good ? HAQ_OK
                : haq_fail(d, HAQ_IO, "standard output: %s", strerror(errno));
}
