/* SPDX-License-Identifier: MIT */
/*
 * A target without a fuzzing engine: each file named is one input, of a folder each file in it;
 * without arguments standard input is. For AFL++, for gcc, and to repeat a finding.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "input.h"

#define MOST_BYTES (1u << 20)
#define PATH_BYTES 4096

static size_t inputs;

static void run(FILE *file)
{
    uint8_t *buffer = malloc(MOST_BYTES);
    size_t size = buffer != NULL ? fread(buffer, 1, MOST_BYTES, file) : 0;
    uint8_t *exact = malloc(size + (size == 0)); /* so that reading beyond it is noticed */

    if (buffer == NULL || exact == NULL) {
        fputs("fuzz: no memory\n", stderr);
        exit(2);
    }
    memcpy(exact, buffer, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(buffer);
    inputs++;
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        exit(2);
    }
    fprintf(stderr, "fuzz: %s\n", path); /* the last line before a finding says where it is */
    run(file);
    fclose(file);
}

static void run_folder(const char *path)
{
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);

    if (count < 0) {
        perror(path);
        exit(2);
    }
    for (int i = 0; i < count; i++) {
        char file[PATH_BYTES];

        snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') {
            run_file(file);
        }
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        run(stdin);
    }
    for (int i = 1; i < argc; i++) {
        struct stat status;

        if (stat(argv[i], &status) != 0) {
            perror(argv[i]);
            return 2;
        }
        if (S_ISDIR(status.st_mode)) {
            run_folder(argv[i]);
        } else {
            run_file(argv[i]);
        }
    }
    printf("fuzz: %zu inputs, no finding\n", inputs);
    return inputs == 0;
}
