/* SPDX-License-Identifier: GPL-2.0-only */
/* Names in the DNS, with a wildcard for all that is below one. */
#ifndef SQ_EXPERIMENT_DNS_PATTERN_H
#define SQ_EXPERIMENT_DNS_PATTERN_H

#include <stddef.h>

#define SQ_DNS_LONGEST 253 /* without the dot behind it (RFC 1035, 2.3.4) */

/* NULL: a name, "*.NAME" or "*"; else what is wrong with it, completing the sentence "X ...". */
const char *sq_dns_pattern_problem(const char *pattern);

/*
 * The pattern backwards and in lower case, as the kernel side compares it: a whole name ends with a
 * NUL that counts, what is below one with a dot. @ret holds SQ_DNS_LONGEST + 3 bytes; returns how
 * many count.
 */
size_t sq_dns_pattern_turn(const char *pattern, char *ret);

#endif
