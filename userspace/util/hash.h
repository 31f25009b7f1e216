/* SPDX-License-Identifier: GPL-2.0-only */
/* Hashes for draws that must come out the same everywhere; not for security. */
#ifndef SQ_UTIL_HASH_H
#define SQ_UTIL_HASH_H

#include <stdint.h>

/* splitmix64's finaliser, the same as the gate's. */
uint64_t sq_mix64(uint64_t x);

/* FNV-1a (Fowler, Noll, Vo), continued from @hash (0 to begin), through sq_mix64() at the end. */
uint64_t sq_hash_text(uint64_t hash, const char *text);

#endif
