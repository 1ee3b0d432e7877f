"""Tests of the kernel: real processes over real sockets, standard library only."""
