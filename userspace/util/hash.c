// SPDX-License-Identifier: GPL-2.0-only
#include "util/hash.h"

uint64_t sq_mix64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

uint64_t sq_hash_text(uint64_t hash, const char *text)
{
	hash ^= 0xcbf29ce484222325ull;
	for (; *text; text++) {
		hash ^= (unsigned char)*text;
		hash *= 0x100000001b3ull;
	}
	return sq_mix64(hash);
}
