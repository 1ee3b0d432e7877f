#include <stdio.h>
static int deeper(volatile char *above) { volatile char block[4096]; block[0] = above ? above[0] : 1; return deeper(block) + block[0]; }
int main(void) { puts("start"); fflush(stdout); return deeper(0); }
