#include "base/npz.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "base/buf.h"
#include "base/file.h"

enum {
    ALIGN = 64,
    PREFIX_MIN = 10, /* magic, version, 16-bit header length */
    HEADER_MAX = 65536,
    /* Deflate cannot do better than 1032 to 1; small members may claim what
     * their own overhead hides. */
    RATIO_MAX = 1032,
    RATIO_FREE_BYTES = 65536,
};

void haq_array_fini(struct haq_array *a)
{
    free(a->data);
    *a = (struct haq_array){0};
}

/* ---- where the bytes of one .npy come from ------------------------------ */

struct source {
    const char *name; /* for errors */
    size_t left;      /* bytes that are there, not yet read */
    haq_status (*read)(struct source *src, void *dst, size_t n,
                       struct haq_diag *d); /* exactly n <= left */
    union {
        const char *bytes;
        FILE *file;
        zip_file_t *member;
    } from;
};

static haq_status read_bytes(struct source *src, void *dst, size_t n,
                             struct haq_diag *d)
{
    (void)d;
    memcpy(dst, src->from.bytes, n);
    src->from.bytes += n;
    return HAQ_OK;
}

static haq_status read_file(struct source *src, void *dst, size_t n,
                            struct haq_diag *d)
{
    if (fread(dst, 1, n, src->from.file) == n)
        return HAQ_OK;
    return haq_fail(d, HAQ_IO, "%s: %s", src->name,
                    ferror(src->from.file) ? strerror(errno)
                                           : "became shorter while read");
}

static haq_status read_member(struct source *src, void *dst, size_t n,
                              struct haq_diag *d)
{
    char *to = dst;
    while (n) {
        zip_int64_t got = zip_fread(src->from.member, to, n);
        if (got <= 0)
            return haq_fail(d, HAQ_FORMAT, "%s: %s", src->name,
                            got ? zip_file_strerror(src->from.member)
                                : "shorter than the container says");
        to += got;
        n -= (size_t)got;
    }
    return HAQ_OK;
}

static haq_status source_read(struct source *src, void *dst, size_t n,
                              struct haq_diag *d)
{
    if (n > src->left)
        return haq_fail(d, HAQ_FORMAT,
                        "%s: truncated, %zu bytes wanted and %zu left",
                        src->name, n, src->left);
    src->left -= n;
    return n ? src->read(src, dst, n, d) : HAQ_OK;
}

/* ---- the header: a Python dictionary of three keys ----------------------- */

struct header {
    char descr[24];
    bool fortran;
    int rank;
    int64_t dims[HAQ_MAX_RANK];
    unsigned seen; /* one bit per key met */
};

enum { KEY_DESCR = 1, KEY_ORDER = 2, KEY_SHAPE = 4, KEY_ALL = 7 };

static char skip_space(const char **p)
{
    *p += strspn(*p, " \t\r\n");
    return **p;
}

static bool take(const char **p, const char *token)
{
    size_t n = strlen(token);
    skip_space(p);
    if (strncmp(*p, token, n))
        return false;
    *p += n;
    return true;
}

/* 'text' or "text" without escapes. */
static const char *take_string(const char **p, char *out, size_t size)
{
    char quote = skip_space(p);
    if (quote != '\'' && quote != '"')
        return "a quoted string is missing";
    const char *end = strchr(++*p, quote);
    if (!end)
        return "a string does not end";
    size_t n = (size_t)(end - *p);
    if (n >= size)
        return "a string is too long";
    memcpy(out, *p, n);
    out[n] = 0;
    *p = end + 1;
    return NULL;
}

static const char *take_int(const char **p, int64_t *out)
{
    char c = skip_space(p);
    if (c < '0' || c > '9')
        return "the shape holds something that is not a size";
    for (*out = 0; **p >= '0' && **p <= '9'; ++*p)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, **p - '0', out))
            return "a dimension is too large";
    *p += **p == 'L'; /* Python 2 wrote long integers so */
    return NULL;
}

static const char *take_descr(const char **p, struct header *h)
{
    if (skip_space(p) == '[')
        return "structured arrays are not supported";
    return take_string(p, h->descr, sizeof h->descr);
}

static const char *take_order(const char **p, struct header *h)
{
    h->fortran = take(p, "True");
    return h->fortran || take(p, "False")
               ? NULL
               : "fortran_order is not a truth value";
}

static const char *take_shape(const char **p, struct header *h)
{
    bool comma = true;

    if (!take(p, "("))
        return "the shape is not a tuple";
    while (!take(p, ")")) {
        if (!comma)
            return "a comma is missing in the shape";
        if (h->rank == HAQ_MAX_RANK)
            return "the shape has too many dimensions";
        const char *wrong = take_int(p, &h->dims[h->rank++]);
        if (wrong)
            return wrong;
        comma = take(p, ",");
    }
    return h->rank == 1 && !comma ? "the shape is not a tuple" : NULL;
}

static const char *take_entry(const char **p, struct header *h)
{
    static const struct {
        const char *key;
        unsigned bit;
        const char *(*take)(const char **p, struct header *h);
    } rows[] = {
        {"descr", KEY_DESCR, take_descr},
        {"fortran_order", KEY_ORDER, take_order},
        {"shape", KEY_SHAPE, take_shape},
    };
    char key[24];
    const char *wrong = take_string(p, key, sizeof key);
    if (wrong)
        return wrong;
    if (!take(p, ":"))
        return "a colon is missing";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(key, rows[i].key)) {
            if (h->seen & rows[i].bit)
                return "a key is there twice";
            h->seen |= rows[i].bit;
            return rows[i].take(p, h);
        }
    return "there is an unknown key";
}

/* NULL, or what is wrong with the text. */
static const char *parse_header(const char *text, size_t len, struct header *h)
{
    const char *p = text, *wrong = NULL;
    bool comma = true;

    *h = (struct header){0};
    if (!take(&p, "{"))
        return "it is not a dictionary";
    while (!take(&p, "}")) {
        wrong = comma ? take_entry(&p, h) : "a comma is missing";
        if (wrong)
            return wrong;
        comma = take(&p, ",");
    }
    skip_space(&p);
    if (p != text + len)
        return "something follows the dictionary";
    return h->seen == KEY_ALL ? NULL
                              : "descr, fortran_order or shape is missing";
}

static bool machine_is_little_endian(void)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

/* Type and byte order; `swap` when they are not this machine's. */
static haq_status find_dtype(const char *name, const char *descr,
                             enum haq_dtype *out, bool *swap,
                             struct haq_diag *d)
{
    char order = *descr;
    const char *kind = descr;

    if (order && strchr("<>=|", order))
        kind++;
    if (*kind == 'O')
        return haq_fail(d, HAQ_FORMAT,
                        "%s: arrays of Python objects are refused", name);
    int t = haq_dtype_from_numpy(kind);
    if (t < 0)
        return haq_fail(d, HAQ_FORMAT, "%s: dtype '%s' is not supported", name,
                        descr);
    *out = (enum haq_dtype)t;
    size_t bytes = haq_dtype_info(*out)->bytes;
    if (order == '|' && bytes > 1)
        return haq_fail(d, HAQ_FORMAT, "%s: dtype '%s' lacks a byte order",
                        name, descr);
    *swap = bytes > 1 && order == (machine_is_little_endian() ? '>' : '<');
    return HAQ_OK;
}

static haq_status count_elements(const char *name, const struct header *h,
                                 size_t size, size_t *count, struct haq_diag *d)
{
    size_t n = 1, bytes;

    for (int i = 0; i < h->rank; i++)
        if (h->dims[i] == 0)
            n = 0;
    for (int i = 0; n && i < h->rank; i++)
        if (__builtin_mul_overflow(n, h->dims[i], &n) ||
            __builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX)
            return haq_fail(d, HAQ_FORMAT,
                            "%s: the shape claims more than memory can hold",
                            name);
    *count = n;
    return HAQ_OK;
}

static haq_status read_header(struct source *src, struct header *h,
                              struct haq_diag *d)
{
    unsigned char prefix[PREFIX_MIN + 2];
    haq_status s = HAQ_OK;

    if (src->left < PREFIX_MIN)
        return haq_fail(d, HAQ_FORMAT, "%s: too short for a .npy file",
                        src->name);
    s = source_read(src, prefix, PREFIX_MIN, d);
    if (s)
        return s;
    if (memcmp(prefix, "\x93NUMPY", 6))
        return haq_fail(d, HAQ_FORMAT, "%s: not a .npy file (wrong magic)",
                        src->name);
    size_t len = prefix[8] | (size_t)prefix[9] << 8;
    if (prefix[6] < 1 || prefix[6] > 3)
        return haq_fail(d, HAQ_FORMAT, "%s: unknown .npy version %d.%d",
                        src->name, prefix[6], prefix[7]);
    if (prefix[6] > 1) {
        s = source_read(src, prefix + PREFIX_MIN, 2, d);
        if (s)
            return s;
        len |= (size_t)prefix[10] << 16 | (size_t)prefix[11] << 24;
    }
    if (len > HEADER_MAX || len > src->left)
        return haq_fail(d, HAQ_FORMAT,
                        "%s: the header claims %zu bytes, %zu are left",
                        src->name, len, src->left);
    char *text = malloc(len + 1);
    if (!text)
        return haq_fail(d, HAQ_NOMEM, "%s: out of memory", src->name);
    s = source_read(src, text, len, d);
    if (!s) {
        text[len] = 0;
        const char *wrong = parse_header(text, len, h);
        if (wrong)
            s = haq_fail(d, HAQ_FORMAT, "%s: bad .npy header: %s", src->name,
                         wrong);
    }
    free(text);
    return s;
}

/* ---- the data ------------------------------------------------------------ */

static void *alloc_data(size_t bytes)
{
    return aligned_alloc(ALIGN, bytes / ALIGN * ALIGN + ALIGN);
}

static void swap_bytes(char *data, size_t count, size_t size)
{
    for (; count--; data += size)
        for (size_t i = 0; i < size / 2; i++) {
            char kept = data[i];
            data[i] = data[size - 1 - i];
            data[size - 1 - i] = kept;
        }
}

/* dst in C order from src, whose first index runs fastest. */
static void to_c_order(char *dst, const char *src, const struct haq_array *a,
                       size_t size)
{
    size_t stride[HAQ_MAX_RANK], from = 0;
    int64_t index[HAQ_MAX_RANK] = {0};

    for (int i = 0; i < a->rank; i++)
        stride[i] = i ? stride[i - 1] * (size_t)a->dims[i - 1] : size;
    for (size_t n = 0; n < a->count; n++, dst += size) {
        memcpy(dst, src + from, size);
        for (int i = a->rank - 1; i >= 0; i--) {
            from += stride[i];
            if (++index[i] < a->dims[i])
                break;
            from -= stride[i] * (size_t)a->dims[i];
            index[i] = 0;
        }
    }
}

static haq_status reorder(const char *name, struct haq_array *a, size_t size,
                          struct haq_diag *d)
{
    void *data = alloc_data(a->count * size);
    if (!data)
        return haq_fail(d, HAQ_NOMEM, "%s: out of memory", name);
    to_c_order(data, a->data, a, size);
    free(a->data);
    a->data = data;
    return HAQ_OK;
}

static haq_status read_array(struct source *src, struct haq_array *out,
                             struct haq_diag *d)
{
    struct header h;
    struct haq_array a = {0};
    bool swap = false;

    haq_status s = read_header(src, &h, d);
    if (!s)
        s = find_dtype(src->name, h.descr, &a.dtype, &swap, d);
    if (s)
        return s;
    size_t size = haq_dtype_info(a.dtype)->bytes;
    s = count_elements(src->name, &h, size, &a.count, d);
    if (s)
        return s;
    size_t bytes = a.count * size;
    if (bytes > src->left)
        return haq_fail(d, HAQ_FORMAT,
                        "%s: truncated, the shape needs %zu bytes and %zu are "
                        "there",
                        src->name, bytes, src->left);
    a.rank = h.rank;
    memcpy(a.dims, h.dims, sizeof a.dims);
    a.data = alloc_data(bytes);
    if (!a.data)
        return haq_fail(d, HAQ_NOMEM, "%s: %zu bytes of memory are not there",
                        src->name, bytes);
    s = source_read(src, a.data, bytes, d);
    if (!s && swap)
        swap_bytes(a.data, a.count, size);
    if (!s && h.fortran && a.rank > 1 && a.count)
        s = reorder(src->name, &a, size, d);
    if (s)
        haq_array_fini(&a);
    else
        *out = a;
    return s;
}

haq_status haq_npy_parse(const char *name, const void *data, size_t len,
                         struct haq_array *out, struct haq_diag *d)
{
    struct source src = {name, len, read_bytes, {.bytes = data}};
    return read_array(&src, out, d);
}

haq_status haq_npy_read(const char *path, struct haq_array *out,
                        struct haq_diag *d)
{
    struct stat st;
    FILE *f;
    haq_status s = haq_file_open(&f, path, d);
    if (s)
        return s;
    struct source src = {path, 0, read_file, {.file = f}};
    if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
        s = haq_fail(d, HAQ_INVALID, "%s: not a regular file", path);
    } else {
        src.left = (size_t)st.st_size;
        s = read_array(&src, out, d);
    }
    fclose(f);
    return s;
}

haq_status haq_npy_write(const char *path, const struct haq_array *a,
                         struct haq_diag *d)
{
    static const char magic[] = "\x93NUMPY\1\0\0"; /* and the length's top */
    const struct haq_dtype_info *t = haq_dtype_info(a->dtype);
    struct haq_buf b;
    haq_status s;

    haq_buf_init(&b);
    haq_buf_add(&b, magic, PREFIX_MIN);
    haq_buf_printf(&b, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                   t->bytes == 1                ? '|'
                   : machine_is_little_endian() ? '<'
                                                : '>',
                   t->numpy);
    for (int i = 0; i < a->rank; i++)
        haq_buf_printf(&b, "%lld,%s", (long long)a->dims[i],
                       i + 1 < a->rank ? " " : "");
    haq_buf_puts(&b, "), }");
    haq_buf_printf(&b, "%*s\n", (int)(ALIGN - (b.len + 1) % ALIGN) % ALIGN, "");
    if (!b.failed) {
        size_t len = b.len - PREFIX_MIN;
        b.data[8] = (char)(len & 0xff);
        b.data[9] = (char)(len >> 8);
    }
    haq_buf_add(&b, a->data, a->count * t->bytes);
    s = b.failed ? haq_fail(d, HAQ_NOMEM, "write %s: out of memory", path)
                 : haq_file_write(path, b.data, b.len, d);
    haq_buf_fini(&b);
    return s;
}

/* ---- the container ------------------------------------------------------- */

struct haq_npz {
    zip_t *zip;
    char *path;
    zip_uint64_t file_bytes;
};

/* Asked first for the reasons that only the operating system knows, such as a
 * missing file or a folder. */
static haq_status file_size(const char *path, zip_uint64_t *out,
                            struct haq_diag *d)
{
    struct stat st;
    FILE *f;
    haq_status s = haq_file_open(&f, path, d);
    if (s)
        return s;
    if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode))
        s = haq_fail(d, HAQ_INVALID, "%s: not a regular file", path);
    else
        *out = (zip_uint64_t)st.st_size;
    fclose(f);
    return s;
}

haq_status haq_npz_open(struct haq_npz **out, const char *path,
                        struct haq_diag *d)
{
    int code;
    zip_uint64_t bytes = 0;
    haq_status s = file_size(path, &bytes, d);
    if (s)
        return s;
    struct haq_npz *z = calloc(1, sizeof *z);
    if (z)
        z->path = strdup(path);
    if (!z || !z->path) {
        s = haq_fail(d, HAQ_NOMEM, "%s: out of memory", path);
        goto done;
    }
    z->zip = zip_open(path, ZIP_RDONLY, &code);
    if (!z->zip) {
        zip_error_t e;
        zip_error_init_with_code(&e, code);
        s = haq_fail(d, HAQ_FORMAT, "%s: not a readable npz: %s", path,
                     zip_error_strerror(&e));
        zip_error_fini(&e);
        goto done;
    }
    z->file_bytes = bytes;
    *out = z;
    z = NULL;
done:
    haq_npz_close(z);
    return s;
}

void haq_npz_close(struct haq_npz *z)
{
    if (!z)
        return;
    if (z->zip)
        zip_discard(z->zip);
    free(z->path);
    free(z);
}

/* Index of KEY.npy, or -1. */
static zip_int64_t find_member(const struct haq_npz *z, const char *key)
{
    struct haq_buf name;
    haq_buf_init(&name);
    haq_buf_printf(&name, "%s.npy", key);
    zip_int64_t index =
        name.failed ? -1 : zip_name_locate(z->zip, name.data, 0);
    haq_buf_fini(&name);
    return index;
}

bool haq_npz_has(const struct haq_npz *z, const char *key)
{
    return find_member(z, key) >= 0;
}

static haq_status fail_missing(const struct haq_npz *z, const char *key,
                               struct haq_diag *d)
{
    struct haq_buf names;
    zip_int64_t n = zip_get_num_entries(z->zip, 0);

    haq_buf_init(&names);
    for (zip_int64_t i = 0; i < n && names.len < sizeof d->text; i++) {
        const char *name = zip_get_name(z->zip, (zip_uint64_t)i, 0);
        size_t len = name ? strlen(name) : 0;
        if (len > 4 && !strcmp(name + len - 4, ".npy"))
            haq_buf_printf(&names, "%s%.*s", names.len ? ", " : "",
                           (int)(len - 4), name);
    }
    haq_status s = haq_fail(d, HAQ_INVALID, "%s: no array '%s' (there are: %s)",
                            z->path, key, names.len ? names.data : "none");
    haq_buf_fini(&names);
    return s;
}

/* What the directory says of a member is checked for sense before use. */
static haq_status check_member(const struct haq_npz *z, const zip_stat_t *st,
                               const char *name, struct haq_diag *d)
{
    const zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                              ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;

    if ((st->valid & need) != need)
        return haq_fail(d, HAQ_FORMAT, "%s: the directory entry is incomplete",
                        name);
    if (st->encryption_method != ZIP_EM_NONE)
        return haq_fail(d, HAQ_FORMAT, "%s: encrypted", name);
    if (st->comp_method != ZIP_CM_STORE && st->comp_method != ZIP_CM_DEFLATE)
        return haq_fail(d, HAQ_FORMAT, "%s: compression method %u is unknown",
                        name, (unsigned)st->comp_method);
    if (st->comp_size > z->file_bytes)
        return haq_fail(d, HAQ_FORMAT,
                        "%s: %llu bytes claimed, the file has %llu", name,
                        (unsigned long long)st->comp_size,
                        (unsigned long long)z->file_bytes);
    if (st->size / RATIO_MAX > st->comp_size && st->size > RATIO_FREE_BYTES)
        return haq_fail(d, HAQ_FORMAT,
                        "%s: %llu bytes cannot come out of %llu compressed "
                        "ones",
                        name, (unsigned long long)st->size,
                        (unsigned long long)st->comp_size);
    return HAQ_OK;
}

/* NumPy ignores bytes behind the data, but the CRC is checked at the end. */
static haq_status drain(struct source *src, struct haq_diag *d)
{
    char chunk[4096], more;
    haq_status s = HAQ_OK;

    while (!s && src->left)
        s = source_read(src, chunk,
                        src->left < sizeof chunk ? src->left : sizeof chunk, d);
    if (s)
        return s;
    zip_int64_t got = zip_fread(src->from.member, &more, 1);
    if (got)
        s = haq_fail(d, HAQ_FORMAT, "%s: %s", src->name,
                     got < 0 ? zip_file_strerror(src->from.member)
                             : "longer than the container says");
    return s;
}

haq_status haq_npz_read(struct haq_npz *z, const char *key,
                        struct haq_array *out, struct haq_diag *d)
{
    struct haq_buf name;
    struct haq_array a = {0};
    zip_stat_t st;
    zip_file_t *member = NULL;
    haq_status s = HAQ_OK;

    zip_int64_t index = find_member(z, key);
    if (index < 0)
        return fail_missing(z, key, d);
    haq_buf_init(&name);
    haq_buf_printf(&name, "%s[%s]", z->path, key);
    if (name.failed) {
        s = haq_fail(d, HAQ_NOMEM, "%s: out of memory", z->path);
        goto done;
    }
    if (zip_stat_index(z->zip, (zip_uint64_t)index, 0, &st)) {
        s = haq_fail(d, HAQ_FORMAT, "%s: %s", name.data, zip_strerror(z->zip));
        goto done;
    }
    s = check_member(z, &st, name.data, d);
    if (s)
        goto done;
    member = zip_fopen_index(z->zip, (zip_uint64_t)index, 0);
    if (!member) {
        s = haq_fail(d, HAQ_FORMAT, "%s: %s", name.data, zip_strerror(z->zip));
        goto done;
    }
    struct source src = {
        name.data, (size_t)st.size, read_member, {.member = member}};
    s = read_array(&src, &a, d);
    if (!s)
        s = drain(&src, d);
    if (s)
        goto done;
    *out = a;
    a.data = NULL;
done:
    free(a.data);
    if (member)
        zip_fclose(member);
    haq_buf_fini(&name);
    return s;
}
