/* The store in one SQLite file: write-ahead log, synchronous FULL, one writer.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "coordinator/store/store.h"

enum {
    APPLICATION_ID = 0x48415146, /* "HAQF" */
    SCHEMA_VERSION = 1,
    BUSY_MS = 5000
};

static const char schema[] =
    "CREATE TABLE jobs("
    " id TEXT PRIMARY KEY, config TEXT NOT NULL, finished INTEGER NOT NULL,"
    " elapsed_s REAL NOT NULL, created TEXT NOT NULL) STRICT;"
    "CREATE TABLE measurements("
    " key TEXT PRIMARY KEY, kind TEXT NOT NULL, model TEXT NOT NULL,"
    " data TEXT NOT NULL, recipe TEXT NOT NULL, place TEXT NOT NULL,"
    " params TEXT NOT NULL, result TEXT NOT NULL, scores BLOB,"
    " elapsed_s REAL NOT NULL, attempt INTEGER NOT NULL, worker TEXT NOT NULL, "
    "created TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE failures("
    " job TEXT NOT NULL, key TEXT NOT NULL, reason TEXT NOT NULL,"
    " elapsed_s REAL NOT NULL,"
    " created TEXT NOT NULL, PRIMARY KEY(job, key)) STRICT;"
    "CREATE TABLE events("
    " id INTEGER PRIMARY KEY, job TEXT NOT NULL, type TEXT NOT NULL,"
    " body TEXT NOT NULL, created TEXT NOT NULL) STRICT;";

/* name, SQL */
#define STATEMENTS(X)                                                          \
    X(BEGIN, "BEGIN IMMEDIATE")                                                \
    X(COMMIT, "COMMIT")                                                        \
    X(PUT, "INSERT INTO measurements VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"        \
           " ON CONFLICT DO NOTHING")                                          \
    X(GET,                                                                     \
      "SELECT kind, model, data, recipe, place, params, result, scores,"       \
      " elapsed_s, attempt, worker, created FROM measurements WHERE key = ?")  \
    X(SUPERSEDE, "INSERT INTO events(job, type, body, created)"                \
                 " SELECT ?, 'superseded', json_object('key', key, 'kind',"    \
                 " kind, 'reason', ?, 'result', json(result), 'created',"      \
                 " created), ? FROM measurements WHERE key = ?")               \
    X(FORGET, "DELETE FROM measurements WHERE key = ?")                        \
    X(PUT_FAILURE, "INSERT INTO failures VALUES(?,?,?,?,?)"                    \
                   " ON CONFLICT DO NOTHING")                                  \
    X(GET_FAILURE,                                                             \
      "SELECT reason, elapsed_s FROM failures WHERE job = ? AND key = ?")      \
    X(PUT_EVENT, "INSERT INTO events(job, type, body, created)"                \
                 " VALUES(?,?,?,?)")                                           \
    X(PUT_JOB, "INSERT INTO jobs VALUES(?,?,?,?,?)"                            \
               " ON CONFLICT DO NOTHING")                                      \
    X(GET_JOB, "SELECT id, config, finished, elapsed_s FROM jobs"              \
               " ORDER BY rowid LIMIT 1")                                      \
    X(PROGRESS, "UPDATE jobs SET elapsed_s = max(elapsed_s, ?),"               \
                " finished = ? WHERE id = ?")

enum statement {
#define X(name, sql) S_##name,
    STATEMENTS(X)
#undef X
        S_COUNT
};

static const char *const sql_of[] = {
#define X(name, sql) sql,
    STATEMENTS(X)
#undef X
};

struct sqlite_store {
    struct haq_store base;
    sqlite3 *db;
    sqlite3_stmt *statement[S_COUNT];
    char *path;
};

extern const struct haq_store_ops haq_store_sqlite;

static struct sqlite_store *self_of(struct haq_store *s)
{
    return (struct sqlite_store *)s;
}

static haq_status fail(const struct sqlite_store *s, struct haq_diag *d)
{
    int code = sqlite3_errcode(s->db);
    const char *text = sqlite3_errmsg(s->db);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return haq_fail(d, HAQ_FORMAT, "%s: %s", s->path, text);
    if (code == SQLITE_NOMEM)
        return haq_fail(d, HAQ_NOMEM, "%s: %s", s->path, text);
    if (code == SQLITE_BUSY)
        return haq_fail(d, HAQ_IO, "%s: in use by another process", s->path);
    int err = sqlite3_system_errno(s->db);
    return haq_fail(d, HAQ_IO, "%s: %s%s%s", s->path, text, err ? ": " : "",
                    err ? strerror(err) : "");
}

static haq_status execute(struct sqlite_store *s, const char *sql,
                          struct haq_diag *d)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? HAQ_OK
                                                                   : fail(s, d);
}

/* One value of a query without parameters. */
static haq_status query_int(struct sqlite_store *s, const char *sql,
                            int64_t *out, struct haq_diag *d)
{
    sqlite3_stmt *q = NULL;
    haq_status st = HAQ_OK;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK ||
        sqlite3_step(q) != SQLITE_ROW)
        st = fail(s, d);
    else
        *out = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return st;
}

/* ---- statements -----------------------------------------------------------
 */

static sqlite3_stmt *use(struct sqlite_store *s, enum statement which)
{
    sqlite3_reset(s->statement[which]);
    return s->statement[which];
}

static void bind_text(sqlite3_stmt *q, int at, const char *text)
{
    sqlite3_bind_text(q, at, text, -1, SQLITE_STATIC);
}

/* Run to the end or to the first row. */
static haq_status step(struct sqlite_store *s, sqlite3_stmt *q, bool *row,
                       struct haq_diag *d)
{
    int r = sqlite3_step(q);
    if (row)
        *row = r == SQLITE_ROW;
    if (r == SQLITE_ROW)
        return HAQ_OK;
    haq_status st = r == SQLITE_DONE ? HAQ_OK : fail(s, d);
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return st;
}

static void done_with(sqlite3_stmt *q)
{
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
}

/* ---- open and close -------------------------------------------------------
 */

static haq_status check_identity(struct sqlite_store *s, bool *fresh,
                                 struct haq_diag *d)
{
    int64_t application = 0, version = 0, tables = 0;
    haq_status st = query_int(s, "PRAGMA application_id", &application, d);
    if (st == HAQ_OK)
        st = query_int(s, "PRAGMA user_version", &version, d);
    if (st == HAQ_OK)
        st = query_int(s, "SELECT count(*) FROM sqlite_master", &tables, d);
    if (st != HAQ_OK)
        return st;
    *fresh = !tables && !application;
    if (*fresh)
        return HAQ_OK;
    if (application != APPLICATION_ID)
        return haq_fail(d, HAQ_FORMAT, "%s: a database of another program",
                        s->path);
    if (version > SCHEMA_VERSION)
        return haq_fail(d, HAQ_UNSUPPORTED,
                        "%s: schema version %lld, this program knows up to %d",
                        s->path, (long long)version, SCHEMA_VERSION);
    return HAQ_OK;
}

static haq_status check_pages(struct sqlite_store *s, struct haq_diag *d)
{
    sqlite3_stmt *q = NULL;
    haq_status st = HAQ_OK;
    if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL) !=
            SQLITE_OK ||
        sqlite3_step(q) != SQLITE_ROW)
        st = fail(s, d);
    else if (strcmp((const char *)sqlite3_column_text(q, 0), "ok"))
        st = haq_fail(d, HAQ_FORMAT, "%s: damaged: %s", s->path,
                      (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return st;
}

static haq_status prepare(struct sqlite_store *s, struct haq_diag *d)
{
    for (int i = 0; i < S_COUNT; i++)
        if (sqlite3_prepare_v3(s->db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &s->statement[i], NULL) != SQLITE_OK)
            return fail(s, d);
    return HAQ_OK;
}

static haq_status create_schema(struct sqlite_store *s, struct haq_diag *d)
{
    char pragmas[96];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             APPLICATION_ID, SCHEMA_VERSION);
    haq_status st = execute(s, "BEGIN IMMEDIATE", d);
    if (st == HAQ_OK)
        st = execute(s, schema, d);
    if (st == HAQ_OK)
        st = execute(s, pragmas, d);
    if (st == HAQ_OK)
        st = execute(s, "COMMIT", d);
    if (st != HAQ_OK)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

static haq_status set_up(struct sqlite_store *s, struct haq_diag *d)
{
    bool fresh = false;
    sqlite3_extended_result_codes(s->db, 0);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    haq_status st = check_identity(s, &fresh, d);
    if (st == HAQ_OK)
        st = execute(s,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "PRAGMA trusted_schema = OFF;"
                     "PRAGMA wal_autocheckpoint = 1000;",
                     d);
    if (st == HAQ_OK)
        st = fresh ? create_schema(s, d) : check_pages(s, d);
    return st == HAQ_OK ? prepare(s, d) : st;
}

static void sqlite_close(struct haq_store *store)
{
    struct sqlite_store *s = self_of(store);
    for (int i = 0; i < S_COUNT; i++)
        sqlite3_finalize(s->statement[i]);
    sqlite3_close(s->db);
    free(s->path);
    free(s);
}

static haq_status sqlite_open(struct haq_store **out, const char *path,
                              struct haq_diag *d)
{
    struct sqlite_store *s = calloc(1, sizeof *s);
    if (!s || !(s->path = strdup(path))) {
        free(s);
        return haq_fail(d, HAQ_NOMEM, "%s", path);
    }
    s->base.ops = &haq_store_sqlite;
    haq_status st = HAQ_OK;
    if (sqlite3_open_v2(path, &s->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
                        NULL) != SQLITE_OK)
        st = s->db ? fail(s, d) : haq_fail(d, HAQ_NOMEM, "%s", path);
    if (st == HAQ_OK)
        st = set_up(s, d);
    if (st != HAQ_OK) {
        sqlite_close(&s->base);
        return st;
    }
    *out = &s->base;
    return HAQ_OK;
}

/* ---- transactions ---------------------------------------------------------
 */

static haq_status sqlite_begin(struct haq_store *store, struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    return step(s, use(s, S_BEGIN), NULL, d);
}

static void sqlite_rollback(struct haq_store *store)
{
    struct sqlite_store *s = self_of(store);
    /* An error may have rolled back already. */
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static haq_status sqlite_commit(struct haq_store *store, struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    if (sqlite3_get_autocommit(s->db))
        return haq_fail(d, HAQ_IO, "%s: an earlier write failed", s->path);
    haq_status st = step(s, use(s, S_COMMIT), NULL, d);
    if (st != HAQ_OK)
        sqlite_rollback(store);
    return st;
}

/* ---- rows -----------------------------------------------------------------
 */

static haq_status sqlite_put(struct haq_store *store,
                             const struct haq_measurement *m, bool *stored,
                             struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    sqlite3_stmt *q = use(s, S_PUT);
    char now[HAQ_CLOCK_TEXT];
    const char *const texts[] = {m->key,    m->kind,  m->model,  m->data,
                                 m->recipe, m->where, m->params, m->result};
    haq_clock_text(now);
    for (int i = 0; i < 8; i++)
        bind_text(q, i + 1, texts[i]);
    if (m->scores)
        sqlite3_bind_blob64(q, 9, m->scores, m->scores_bytes, SQLITE_STATIC);
    else
        sqlite3_bind_null(q, 9);
    sqlite3_bind_double(q, 10, m->elapsed_s);
    sqlite3_bind_int64(q, 11, m->attempt);
    bind_text(q, 12, m->worker);
    bind_text(q, 13, m->created ? m->created : now);
    haq_status st = step(s, q, NULL, d);
    if (stored)
        *stored = st == HAQ_OK && sqlite3_changes(s->db) > 0;
    return st;
}

/* Copies column `at` into *room and advances it; never NULL. */
static const char *copy_column(sqlite3_stmt *q, int at, char **room)
{
    size_t n = (size_t)sqlite3_column_bytes(q, at);
    const void *data = sqlite3_column_blob(q, at);
    char *text = *room;
    if (n)
        memcpy(text, data, n);
    text[n] = 0;
    *room += n + 1;
    return text;
}

static size_t row_bytes(sqlite3_stmt *q)
{
    size_t n = 1; /* malloc(0) may give NULL: that is no lack of memory */
    for (int i = 0; i < sqlite3_column_count(q); i++)
        n += (size_t)sqlite3_column_bytes(q, i) + 1;
    return n;
}

static haq_status sqlite_get(struct haq_store *store, const char *key,
                             struct haq_measurement *out, bool *found,
                             struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    sqlite3_stmt *q = use(s, S_GET);
    memset(out, 0, sizeof *out);
    bind_text(q, 1, key);
    haq_status st = step(s, q, found, d);
    if (st != HAQ_OK || !*found)
        return st;

    char *room = malloc(row_bytes(q) + 64);
    if (!room) {
        done_with(q);
        return haq_fail(d, HAQ_NOMEM, "%s: measurement %s", s->path, key);
    }
    out->memory = room;
    /* First, because it must be aligned for floats. */
    if (sqlite3_column_type(q, 7) != SQLITE_NULL) {
        out->scores_bytes = (size_t)sqlite3_column_bytes(q, 7);
        out->scores = copy_column(q, 7, &room);
    }
    snprintf(out->key, sizeof out->key, "%s", key);
    out->kind = copy_column(q, 0, &room);
    out->model = copy_column(q, 1, &room);
    out->data = copy_column(q, 2, &room);
    out->recipe = copy_column(q, 3, &room);
    out->where = copy_column(q, 4, &room);
    out->params = copy_column(q, 5, &room);
    out->result = copy_column(q, 6, &room);
    out->elapsed_s = sqlite3_column_double(q, 8);
    out->attempt = (unsigned)sqlite3_column_int64(q, 9);
    out->worker = copy_column(q, 10, &room);
    out->created = copy_column(q, 11, &room);
    done_with(q);
    return HAQ_OK;
}

static haq_status sqlite_put_failure(struct haq_store *store, const char *job,
                                     const char *key, const char *reason,
                                     double elapsed_s, struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    sqlite3_stmt *q = use(s, S_PUT_FAILURE);
    char now[HAQ_CLOCK_TEXT];
    haq_clock_text(now);
    bind_text(q, 1, job);
    bind_text(q, 2, key);
    bind_text(q, 3, reason);
    sqlite3_bind_double(q, 4, elapsed_s);
    bind_text(q, 5, now);
    return step(s, q, NULL, d);
}

static haq_status sqlite_get_failure(struct haq_store *store, const char *job,
                                     const char *key, char *reason, size_t size,
                                     double *elapsed_s, bool *found,
                                     struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    sqlite3_stmt *q = use(s, S_GET_FAILURE);
    bind_text(q, 1, job);
    bind_text(q, 2, key);
    haq_status st = step(s, q, found, d);
    if (st == HAQ_OK && *found) {
        snprintf(reason, size, "%s", (const char *)sqlite3_column_text(q, 0));
        *elapsed_s = sqlite3_column_double(q, 1);
        done_with(q);
    }
    return st;
}

static haq_status sqlite_put_event(struct haq_store *store, const char *job,
                                   const char *type, const char *body,
                                   struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    sqlite3_stmt *q = use(s, S_PUT_EVENT);
    char now[HAQ_CLOCK_TEXT];
    haq_clock_text(now);
    bind_text(q, 1, job);
    bind_text(q, 2, type);
    bind_text(q, 3, body);
    bind_text(q, 4, now);
    return step(s, q, NULL, d);
}

static haq_status sqlite_supersede(struct haq_store *store, const char *job,
                                   const char *key, const char *reason,
                                   struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    sqlite3_stmt *q = use(s, S_SUPERSEDE);
    char now[HAQ_CLOCK_TEXT];
    haq_clock_text(now);
    bind_text(q, 1, job);
    bind_text(q, 2, reason);
    bind_text(q, 3, now);
    bind_text(q, 4, key);
    haq_status st = step(s, q, NULL, d);
    if (st != HAQ_OK)
        return st;
    q = use(s, S_FORGET);
    bind_text(q, 1, key);
    return step(s, q, NULL, d);
}

static haq_status sqlite_put_job(struct haq_store *store,
                                 const struct haq_job *j, struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    sqlite3_stmt *q = use(s, S_PUT_JOB);
    char now[HAQ_CLOCK_TEXT];
    haq_clock_text(now);
    bind_text(q, 1, j->id);
    bind_text(q, 2, j->config);
    sqlite3_bind_int(q, 3, j->finished);
    sqlite3_bind_double(q, 4, j->elapsed_s);
    bind_text(q, 5, now);
    return step(s, q, NULL, d);
}

static haq_status sqlite_get_job(struct haq_store *store, struct haq_job *out,
                                 bool *found, struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    sqlite3_stmt *q = use(s, S_GET_JOB);
    memset(out, 0, sizeof *out);
    haq_status st = step(s, q, found, d);
    if (st != HAQ_OK || !*found)
        return st;
    char *room = malloc(row_bytes(q));
    if (!room) {
        done_with(q);
        return haq_fail(d, HAQ_NOMEM, "%s: job", s->path);
    }
    out->memory = room;
    snprintf(out->id, sizeof out->id, "%s",
             (const char *)sqlite3_column_text(q, 0));
    out->config = copy_column(q, 1, &room);
    out->finished = sqlite3_column_int(q, 2);
    out->elapsed_s = sqlite3_column_double(q, 3);
    done_with(q);
    return HAQ_OK;
}

static haq_status sqlite_set_progress(struct haq_store *store, const char *job,
                                      double elapsed_s, bool finished,
                                      struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    sqlite3_stmt *q = use(s, S_PROGRESS);
    sqlite3_bind_double(q, 1, elapsed_s);
    sqlite3_bind_int(q, 2, finished);
    bind_text(q, 3, job);
    return step(s, q, NULL, d);
}

static haq_status sqlite_count(struct haq_store *store, const char *table,
                               uint64_t *out, struct haq_diag *d)
{
    struct sqlite_store *s = self_of(store);
    int64_t n = 0;
    char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table);
    if (!sql)
        return haq_fail(d, HAQ_NOMEM, "%s", s->path);
    haq_status st = query_int(s, sql, &n, d);
    sqlite3_free(sql);
    *out = (uint64_t)n;
    return st;
}

const struct haq_store_ops haq_store_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .put = sqlite_put,
    .get = sqlite_get,
    .supersede = sqlite_supersede,
    .put_failure = sqlite_put_failure,
    .get_failure = sqlite_get_failure,
    .put_event = sqlite_put_event,
    .put_job = sqlite_put_job,
    .get_job = sqlite_get_job,
    .set_progress = sqlite_set_progress,
    .count = sqlite_count,
};
