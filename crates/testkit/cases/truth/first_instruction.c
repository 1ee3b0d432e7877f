/* Run by the loader before main: is this program already locked down? */
#include <stdio.h>
#include <string.h>
__attribute__((constructor)) static void first(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "Seccomp:", 8) || !strncmp(line, "NoNewPrivs:", 11) || !strncmp(line, "CapEff:", 7)) {
            char *value = strchr(line, '\t');
            value[-1] = 0;
            *value++ = 0;
            printf("{\"attempt\":\"%s\",\"result\":\"%s\"}\n", line, value);
        }
    }
}
int main(void) { return 0; }
