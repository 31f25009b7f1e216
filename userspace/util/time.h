/* SPDX-License-Identifier: GPL-2.0-only */
/* Clocks and how times are written. */
#ifndef SQ_UTIL_TIME_H
#define SQ_UTIL_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define SQ_US 1000ull
#define SQ_MS 1000000ull
#define SQ_S 1000000000ull
#define SQ_HOUR (3600 * SQ_S)
#define SQ_DAY (24 * SQ_HOUR)

/* CLOCK_BOOTTIME in ns: the clock of leases, windows and everything the kernel side compares. */
uint64_t sq_now(void);

/*
 * Is it time to give up waiting for what the kernel does late? After @timeout_ns; but where the machine is so
 * busy that one has come round less than @least times by then, it does that later too: up to three times as
 * long. @looked counts how often one has come round.
 */
bool sq_time_to_give_up(uint64_t begun_ns, uint64_t timeout_ns, unsigned int looked,
			unsigned int least);

/* CLOCK_REALTIME in ns since the epoch: for people only. */
uint64_t sq_wall(void);

#define SQ_RFC3339_SIZE 32

/* "2026-11-24T10:57:12.123456Z" into @text; returns it. */
char *sq_rfc3339(uint64_t wall_ns, char text[SQ_RFC3339_SIZE]);

/* Reads what sq_rfc3339() writes, in ns since the epoch; 0 for anything else. */
uint64_t sq_rfc3339_parse(const char *text);

#define SQ_DURATION_SIZE 32

/* "50 ms", "1.5 s", "15 m": three significant digits at the most; returns @text. */
char *sq_duration_text(uint64_t ns, char text[SQ_DURATION_SIZE]);

#endif
