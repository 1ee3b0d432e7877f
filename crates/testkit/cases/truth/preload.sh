# A library that is preloaded runs in this confined process and nowhere before.
cat > hook.c <<'C'
#include <stdio.h>
#include <string.h>
__attribute__((constructor)) static void first(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "Seccomp:\t", 9)) { line[strcspn(line, "\n")] = 0; printf("{\"attempt\":\"preload\",\"result\":\"%s\"}\n", line + 9); fflush(stdout); }
}
C
gcc -shared -fPIC -o hook.so hook.c && LD_PRELOAD=./hook.so /bin/true
