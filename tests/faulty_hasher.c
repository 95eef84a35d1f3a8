/* The hashers' and walkers' program with a clock that tests can move. */
#include "tests/faulty.h"

#include "hasher/main.c"
