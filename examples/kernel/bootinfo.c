/* SPDX-License-Identifier: MIT */
#include "bootinfo.h"

#include "kernel.h"

#define MAX_MAP     128
#define MAX_MODULES 8
#define MAX_OWN     (2 + MAX_MODULES)

static char line[512];
static uint64_t ram_bytes;
static unsigned modules, cpus;
static struct memmap_entry memmap[MAX_MAP];
static size_t memmap_entries;
static size_t owns = 2;
static struct memory_range own[MAX_OWN] = {
    { KERNEL_GPA, KERNEL_BYTES },
    { AP_TRAMPOLINE, PAGE_BYTES },
};

/* Without a whole picture of what is where, nobody else's page can be told from one of ours. */
static void keep_memory(const struct start_info *info)
{
    const struct memmap_entry *map = (const void *)info->memmap_gpa;
    const struct start_module *module = (const void *)info->modules_gpa;

    if (info->memmap_entries > MAX_MAP || info->modules > MAX_MODULES)
        return;
    for (uint32_t i = 0; i < info->modules; i++)
        own[owns++] = (struct memory_range){ module[i].gpa, module[i].bytes };
    for (uint32_t i = 0; i < info->memmap_entries; i++)
        memmap[memmap_entries++] = map[i];
}

void bootinfo_read(const struct start_info *info)
{
    const char *from = (const char *)info->cmdline_gpa;
    const struct memmap_entry *map = (const void *)info->memmap_gpa;

    if (info->magic != START_INFO_MAGIC || info->version < 1)
        sevc_terminate(SEVC_TERM_GENERAL); /* another loader; there is no console yet */
    if (info->cmdline_gpa != 0) {
        for (size_t i = 0; i + 1 < sizeof(line) && from[i] != 0; i++)
            line[i] = from[i];
    }
    for (uint32_t i = 0; i < info->memmap_entries; i++) {
        if (map[i].type == MEMMAP_RAM)
            ram_bytes += map[i].bytes;
    }
    keep_memory(info);
    modules = info->modules;
    cpus = info->cpus != 0 ? info->cpus : 1;
}

/* The text behind KEY= on the command line, or NULL. */
static const char *value_of(const char *key)
{
    size_t n = strlen(key);

    for (const char *p = line; *p != 0; p++) {
        bool at_word = p == line || p[-1] == ' ';
        size_t rest = strlen(p);
        if (at_word && rest > n && memcmp(p, key, n) == 0 && p[n] == '=')
            return p + n + 1;
    }
    return NULL;
}

bool cmdline_has_key(const char *key)
{
    return value_of(key) != NULL;
}

bool cmdline_has(const char *key, const char *word)
{
    const char *p = value_of(key);
    size_t n = strlen(word);

    while (p != NULL && *p != 0 && *p != ' ') {
        size_t length = 0;
        while (p[length] != 0 && p[length] != ' ' && p[length] != ',')
            length++;
        if (length == n && memcmp(p, word, n) == 0)
            return true;
        p += length;
        if (*p == ',')
            p++;
    }
    return false;
}

uint64_t cmdline_number(const char *key, uint64_t otherwise)
{
    const char *p = value_of(key);
    uint64_t value = 0;

    if (p == NULL)
        return otherwise;
    for (; *p >= '0' && *p <= '9'; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    return value;
}

const char *cmdline(void)
{
    return line;
}

uint64_t bootinfo_ram_bytes(void)
{
    return ram_bytes;
}

bool bootinfo_is_firmwares(uint64_t gpa)
{
    return memmap_is_firmwares(memmap, memmap_entries, own, owns, gpa);
}

unsigned bootinfo_modules(void)
{
    return modules;
}

unsigned bootinfo_cpus(void)
{
    return cpus;
}
