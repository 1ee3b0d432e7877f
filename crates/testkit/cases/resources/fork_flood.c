#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
    static pid_t made[300];
    int count = 0, seen = 0;
    for (; count < 300; count++) {
        pid_t child = fork();
        if (child == 0) { sleep(4); _exit(0); }
        if (child < 0) { seen = errno; break; }
        made[count] = child;
    }
    for (int i = 0; i < count; i++) kill(made[i], SIGKILL);
    printf("{\"attempt\":\"forks\",\"result\":\"%s\"}\n", seen == EAGAIN ? "EAGAIN" : seen ? "another" : "endless");
    return 0;
}
