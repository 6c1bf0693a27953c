#include "runtime/energy.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool read_count(const char *file, uint64_t *out)
{
    FILE *f = fopen(file, "r");
    bool read = f && fscanf(f, "%" SCNu64, out) == 1;
    if (f)
        fclose(f);
    return read;
}

/* Does the zone count a whole package?  Its parts are zones of their own. */
static bool is_package(const char *zone)
{
    char file[300], name[32] = "";
    snprintf(file, sizeof file, "%s/name", zone);
    FILE *f = fopen(file, "r");
    bool read = f && fgets(name, sizeof name, f);
    if (f)
        fclose(f);
    return read && !strncmp(name, "package-", 8);
}

static void add_zone(struct haq_energy *e, const char *zone)
{
    struct haq_package *p = &e->package[e->n];
    char range[300];
    if (e->n == HAQ_PACKAGES_MAX || !is_package(zone))
        return;
    snprintf(range, sizeof range, "%s/max_energy_range_uj", zone);
    int n = snprintf(p->file, sizeof p->file, "%s/energy_uj", zone);
    if (n > 0 && (size_t)n < sizeof p->file &&
        read_count(range, &p->range_uj) && read_count(p->file, &p->last_uj))
        e->n++;
}

void haq_energy_open(struct haq_energy *e, const char *root)
{
    char folder[200], zone[256];
    const struct dirent *entry;
    e->n = 0;
    snprintf(folder, sizeof folder, "%s/sys/class/powercap", root ? root : "");
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        int n = snprintf(zone, sizeof zone, "%s/%s", folder, entry->d_name);
        /* "intel-rapl-mmio:0" counts the same package again. */
        if (n > 0 && (size_t)n < sizeof zone &&
            !strncmp(entry->d_name, "intel-rapl:", 11))
            add_zone(e, zone);
    }
    closedir(dir);
}

bool haq_energy_uj(struct haq_energy *e, double *out)
{
    *out = 0;
    for (size_t i = 0; i < e->n; i++) {
        struct haq_package *p = &e->package[i];
        uint64_t now;
        if (!read_count(p->file, &now))
            return false;
        uint64_t used = now >= p->last_uj ? now - p->last_uj
                                          : now + p->range_uj - p->last_uj;
        p->last_uj = now;
        *out += (double)used;
    }
    return e->n > 0;
}
