/* A parent that waits for a vfork child, which waits for ever. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    puts("{\"attempt\":\"started\",\"result\":\"ok\"}");
    fflush(stdout);
    pid_t child = vfork();
    if (child == 0) {
        for (int i = 0; i < 4; i++) sleep(1);
        _exit(0);
    }
    return 0;
}
