#include "hwprofiles/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* CPUID knows more than /proc, which then only fills in; those that say which
 * CPUs are allowed come before the topology. */
const struct haq_source haq_sources[] = {
    {"uname", haq_source_uname},       {"cpuid", haq_source_cpuid},
    {"proc", haq_source_proc},         {"isa", haq_source_isa},
    {"cgroup", haq_source_cgroup},     {"hwloc", haq_source_hwloc},
    {"settings", haq_source_settings}, {"opencl", haq_source_opencl},
    {"runtimes", haq_source_runtimes}, {NULL, NULL},
};

enum { FILE_MAX = 16 << 20, ORIGIN_MAX = 300 };

const char *haq_probe_name(struct haq_probe *p, const char *path)
{
    const char *root = p->folder ? p->folder : "";
    const char *name = haq_arena_printf(&p->arena, "%s/%s", root, path);
    return name ? name : "?";
}

const char *haq_probe_line(struct haq_probe *p, const char *text)
{
    size_t len = strcspn(text, "\n");
    while (len && strchr(" \t\r", text[len - 1]))
        len--;
    return haq_text_copy(&p->m->arena, text, len);
}

static haq_status nomem(const char *path, struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "read %s: out of memory", path);
}

bool haq_probe_pair(char **at, char **key, char **value)
{
    char *line = *at;
    if (!line || !*line)
        return false;
    char *end = strchr(line, '\n');
    if (end)
        *end++ = 0;
    *at = end;
    char *colon = strchr(line, ':');
    *key = line;
    *value = NULL;
    if (!colon)
        return true;
    *value = colon + 1 + strspn(colon + 1, " \t");
    while (colon > line && strchr(" \t", colon[-1]))
        colon--;
    *colon = 0;
    return true;
}

/* ---- reading --------------------------------------------------------------
 */

/* Files of /proc and /sys tell no size.  0, or an error number. */
static int read_all(int fd, struct haq_buf *out)
{
    char part[4096];
    for (;;) {
        ssize_t n = read(fd, part, sizeof part);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return 0;
        haq_buf_add(out, part, (size_t)n);
        if (out->failed)
            return ENOMEM;
        if (out->len > FILE_MAX)
            return EFBIG;
    }
}

/* A recorded file must not be a pipe that never ends or a way out of its
 * folder. */
static int read_regular(const char *name, struct haq_buf *out)
{
    struct stat st;
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = fstat(fd, &st) ? errno : 0;
    if (!error && S_ISDIR(st.st_mode))
        error = EISDIR;
    else if (!error && !S_ISREG(st.st_mode))
        error = EINVAL;
    if (!error)
        error = read_all(fd, out);
    close(fd);
    return error;
}

static haq_status keep(const struct haq_probe *p, const char *path,
                       const struct haq_buf *text, struct haq_diag *d)
{
    char *name = NULL;
    haq_status s = HAQ_OK;
    if (!p->record)
        return HAQ_OK;
    if (asprintf(&name, "%s/%s", p->record, path) < 0)
        return nomem(path, d);
    char *slash = strrchr(name, '/');
    *slash = 0;
    s = haq_dir_make(name, d);
    *slash = '/';
    if (s == HAQ_OK)
        s = haq_file_write(name, text->data ? text->data : "", text->len, d);
    free(name);
    return s;
}

/* The text moves into the probe's arena. */
static haq_status take(struct haq_probe *p, const char *path,
                       const struct haq_buf *b, char **text, struct haq_diag *d)
{
    haq_status s = keep(p, path, b, d);
    if (s != HAQ_OK)
        return s;
    *text = haq_arena_alloc(&p->arena, b->len + 1);
    if (!*text)
        return nomem(path, d);
    if (b->len)
        memcpy(*text, b->data, b->len);
    return HAQ_OK;
}

haq_status haq_probe_file(struct haq_probe *p, const char *path, char **text,
                          const char **reason, struct haq_diag *d)
{
    const char *name = haq_probe_name(p, path);
    struct haq_buf b;
    haq_status s = HAQ_OK;

    *text = NULL;
    haq_buf_init(&b);
    int error = read_regular(name, &b);
    if (reason)
        *reason = error ? strerrordesc_np(error) : NULL;
    if (error == ENOMEM)
        s = nomem(name, d);
    else if (error && error != ENOENT && p->folder)
        s = haq_fail(d, HAQ_INVALID, "%s: %s", name, strerrordesc_np(error));
    else if (!error && b.len && memchr(b.data, 0, b.len))
        s = haq_probe_malformed(p, path, path, "a NUL byte", d);
    else if (!error)
        s = take(p, path, &b, text, d);
    haq_buf_fini(&b);
    return s;
}

haq_status haq_probe_made(struct haq_probe *p, const char *name,
                          haq_probe_make_fn *make, char **text, size_t *len,
                          struct haq_diag *d)
{
    struct haq_buf b;

    *text = NULL;
    if (len)
        *len = 0;
    if (p->folder) {
        haq_status s = haq_probe_file(p, name, text, NULL, d);
        if (*text && len)
            *len = strlen(*text);
        return s;
    }
    haq_buf_init(&b);
    haq_status s = make(&b, d);
    if (s == HAQ_OK && b.failed)
        s = nomem(name, d);
    if (s == HAQ_OK)
        s = take(p, name, &b, text, d);
    if (s == HAQ_OK && len)
        *len = b.len;
    haq_buf_fini(&b);
    return s;
}

/* ---- what is not known ----------------------------------------------------
 */

haq_status haq_probe_unknown(struct haq_probe *p, const char *what,
                             const char *path, const char *reason,
                             struct haq_diag *d)
{
    struct haq_arena *a = &p->m->arena;
    struct haq_unknown *u = haq_list_add(&p->m->unknown, sizeof *u, a);
    if (!u)
        return nomem(path, d);
    u->what = haq_arena_strdup(a, what);
    u->file = haq_text_copy(a, path, strlen(path));
    u->reason = haq_arena_strdup(a, reason);
    return u->what && u->file && u->reason ? HAQ_OK : nomem(path, d);
}

haq_status haq_probe_malformed(struct haq_probe *p, const char *what,
                               const char *path, const char *reason,
                               struct haq_diag *d)
{
    if (p->folder)
        return haq_fail(d, HAQ_FORMAT, "%s: %s", haq_probe_name(p, path),
                        reason);
    return haq_probe_unknown(p, what, path, reason, d);
}

/* ---- all of them ----------------------------------------------------------
 */

static haq_status read_origin(struct haq_probe *p, struct haq_diag *d)
{
    char *text;
    haq_status s;
    if (!p->folder)
        return HAQ_OK;
    s = haq_probe_file(p, "ORIGIN", &text, NULL, d);
    if (s != HAQ_OK || !text)
        return s;
    p->m->origin = haq_probe_line(p, text);
    return p->m->origin ? HAQ_OK : nomem("ORIGIN", d);
}

static haq_status write_origin(struct haq_probe *p, struct haq_diag *d)
{
    struct haq_buf b;
    haq_buf_init(&b);
    haq_buf_printf(&b, "recorded by haqfleet %s on %s\n", HAQ_VERSION,
                   p->m->model);
    haq_status s = b.failed ? nomem("ORIGIN", d) : keep(p, "ORIGIN", &b, d);
    haq_buf_fini(&b);
    return s;
}

/* Files of an older recording would be taken for this one's. */
static haq_status check_empty(const char *folder, struct haq_diag *d)
{
    DIR *dir = opendir(folder);
    size_t n = 0;

    if (!dir)
        return errno == ENOENT ? HAQ_OK
                               : haq_fail(d, HAQ_INVALID, "%s: %s", folder,
                                          strerror(errno));
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    return n ? haq_fail(d, HAQ_INVALID,
                        "%s is not empty; a recording wants a new folder",
                        folder)
             : HAQ_OK;
}

haq_status haq_sources_run(struct haq_machine *m, const char *folder,
                           const char *record, struct haq_diag *d)
{
    struct haq_probe p = {.folder = folder, .record = record, .m = m};
    haq_status s = record ? check_empty(record, d) : HAQ_OK;

    if (s != HAQ_OK)
        return s;
    haq_machine_init(m);
    haq_arena_init(&p.arena);
    haq_cpuset_all(&p.allowed);
    s = read_origin(&p, d);
    for (const struct haq_source *o = haq_sources; s == HAQ_OK && o->name; o++)
        s = o->run(&p, d);
    if (s == HAQ_OK && record)
        s = write_origin(&p, d);
    haq_arena_fini(&p.arena);
    if (s != HAQ_OK)
        haq_machine_fini(m);
    return s;
}
