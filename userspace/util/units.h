/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Quantities with units, as people write them. A bare number where a unit is wanted is a mistake:
 * 100 could be milliseconds or seconds.
 *
 * Each parser returns 0, or a negative errno with *@why pointing to a static text that completes
 * the sentence "X ...": -EINVAL for nonsense, -ERANGE for what does not fit.
 */
#ifndef SQ_UTIL_UNITS_H
#define SQ_UTIL_UNITS_H

#include <stdint.h>

#define SQ_SHARE_ONE 1000000000u /* 100 % in parts per billion */

/* "10us", "1.5ms", "2s", "5m", "1h", also in sum: "1m30s". Nanoseconds. */
int sq_parse_duration(const char *text, uint64_t *ret_ns, const char **why);

/* "5%", "0.1%". Parts per billion. */
int sq_parse_share(const char *text, uint64_t *ret_ppb, const char **why);

/* The same without an upper end: "300%" more. */
int sq_parse_excess(const char *text, uint64_t *ret_ppb, const char **why);

/* "500/s", "30/m". Events a 1000 s, so that 1/m is still a number. */
int sq_parse_rate(const char *text, uint64_t *ret_per_1000s, const char **why);

/* "10mbit", "500kbit", "1.5gbit": bits a second, powers of 1000, as tc writes it. */
int sq_parse_bitrate(const char *text, uint64_t *ret_bps, const char **why);

/* How bits a second, and how bytes are written: "10 mbit", "64 K". @text holds 32 bytes. */
char *sq_bitrate_text(uint64_t bps, char *text);
char *sq_size_text(uint64_t bytes, char *text);

/* "64M", "2G", "512K": bytes, powers of 1024. */
int sq_parse_size(const char *text, uint64_t *ret_bytes, const char **why);

/* "1000", digits only. */
int sq_parse_count(const char *text, uint64_t *ret, const char **why);

/* "0.5", "-3", "1e9": a finite number. */
int sq_parse_number(const char *text, double *ret, const char **why);

/* How a share is written: "5 %", "0.01 %". @text holds 32 bytes; returns it. */
char *sq_share_text(uint64_t ppb, char *text);

/* How a number of things is written, thousands apart: "100 000". @text holds 32 bytes. */
char *sq_count_text(uint64_t n, char *text);

#endif
