// SPDX-License-Identifier: GPL-2.0-only
#include "guard/health.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "util/fs.h"
#include "util/time.h"
#include "util/units.h"

#define MOST_TEXT 16384

static char *cannot(struct sq_health *health, const char *path, int r)
{
	health->unknown = true;
	return sq_asprintf("'%s' cannot be read: %s", path, strerror(-r));
}

/* The first line of /proc/pressure/NAME: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0". */
static char *read_pressure(struct sq_health *health, enum sq_pressure which, double *ret_avg10,
			   uint64_t *ret_total_us)
{
	_cleanup_free_ char *path = sq_asprintf("/proc/pressure/%s", sq_pressure_names[which]);
	_cleanup_free_ char *text = NULL;
	unsigned long long total;
	ssize_t n = sq_read_file(AT_FDCWD, path, MOST_TEXT, &text);

	if (n < 0)
		return cannot(health, path, (int)n);
	if (sscanf(text, "some avg10=%lf avg60=%*f avg300=%*f total=%llu", ret_avg10, &total) != 2)
		return sq_asprintf("'%s' is not understood", path);
	*ret_total_us = total;
	return NULL;
}

/* No more of them than the ring can hold over the whole time. */
static void remember(struct sq_health *health, uint64_t for_ns, uint64_t now_ns,
		     const uint64_t total_us[SQ_PRESSURES])
{
	size_t newest = (health->n + SQ_HEALTH_LOOKS - 1) % SQ_HEALTH_LOOKS;

	if (health->n && now_ns - health->look[newest].at_ns < for_ns / (SQ_HEALTH_LOOKS - 2))
		return;
	newest = health->n++ % SQ_HEALTH_LOOKS;
	health->look[newest].at_ns = now_ns;
	memcpy(health->look[newest].total_us, total_us, sizeof(health->look[newest].total_us));
}

static char *look_at_pressure(const struct sq_stop_if *stop_if, struct sq_health *health,
			      uint64_t now_ns)
{
	size_t oldest = 0;
	uint64_t total_us[SQ_PRESSURES] = { 0 };
	char have[32], most[32], span[SQ_DURATION_SIZE];
	double avg10[SQ_PRESSURES] = { 0 };

	for (enum sq_pressure i = 0; i < SQ_PRESSURES; i++) {
		char *why = stop_if->psi.most_ppb[i]
				    ? read_pressure(health, i, &avg10[i], &total_us[i])
				    : NULL;

		if (why)
			return why;
	}
	remember(health, stop_if->for_ns, now_ns, total_us);
	/* the newest of those that are at least so old */
	for (size_t i = 1; i <= SQ_HEALTH_LOOKS && i <= health->n; i++) {
		oldest = (health->n - i) % SQ_HEALTH_LOOKS;
		if (health->look[oldest].at_ns + stop_if->for_ns <= now_ns)
			break;
	}
	for (enum sq_pressure i = 0; i < SQ_PRESSURES; i++) {
		uint64_t took_ns = now_ns - health->look[oldest].at_ns;
		double share = avg10[i] / 100;

		if (!stop_if->psi.most_ppb[i])
			continue;
		/* the kernel's own average, until we have looked for long enough */
		if (took_ns && took_ns >= stop_if->for_ns)
			share = (double)(total_us[i] - health->look[oldest].total_us[i]) * SQ_US /
				(double)took_ns;
		if (share * SQ_SHARE_ONE <= (double)stop_if->psi.most_ppb[i])
			continue;
		return sq_asprintf(
			"tasks waited for %s for %s of the last %s, allowed are %s",
			sq_pressure_names[i], sq_share_text((uint64_t)(share * SQ_SHARE_ONE), have),
			took_ns >= stop_if->for_ns ? sq_duration_text(took_ns, span) : "10 s",
			sq_share_text(stop_if->psi.most_ppb[i], most));
	}
	return NULL;
}

static char *look_at_load(struct sq_health *health, uint64_t most)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = sq_read_file(AT_FDCWD, "/proc/loadavg", MOST_TEXT, &text);
	double load;

	if (n < 0)
		return cannot(health, "/proc/loadavg", (int)n);
	load = strtod(text, NULL);
	return load > (double)most ? sq_asprintf("the load is %.2f, allowed is %llu", load,
						 (unsigned long long)most)
				   : NULL;
}

static uint64_t memory_line(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

static char *look_at_memory(struct sq_health *health, uint64_t least_ppb)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = sq_read_file(AT_FDCWD, "/proc/meminfo", MOST_TEXT, &text);
	uint64_t total, available;
	char have[32], least[32];

	if (n < 0)
		return cannot(health, "/proc/meminfo", (int)n);
	total = memory_line(text, "MemTotal:");
	available = memory_line(text, "MemAvailable:");
	if (!total || (double)available / (double)total * SQ_SHARE_ONE >= (double)least_ppb)
		return NULL;
	return sq_asprintf(
		"%s of the memory is available, at least %s should be",
		sq_share_text((uint64_t)((double)available / (double)total * SQ_SHARE_ONE), have),
		sq_share_text(least_ppb, least));
}

static char *look_at_disk(struct sq_health *health, int journal_fd, uint64_t least,
			  const char *text)
{
	struct statvfs fs;
	uint64_t free_bytes;

	if (fstatvfs(journal_fd, &fs) < 0)
		return cannot(health, "the disk of the journals", -errno);
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return free_bytes < least
		       ? sq_asprintf("%llu MiB are free where the journals are, at least "
				     "%s should be",
				     (unsigned long long)(free_bytes >> 20), text)
		       : NULL;
}

static bool is_pressure(const struct sq_psi *psi)
{
	bool is = false;

	for (size_t i = 0; i < SQ_PRESSURES; i++)
		is |= psi->most_ppb[i] > 0;
	return is;
}

char *sq_health_look(const struct sq_stop_if *stop_if, struct sq_health *health, int journal_fd,
		     uint64_t now_ns)
{
	char *why;

	health->unknown = false;
	/* measured over its time already */
	if (is_pressure(&stop_if->psi))
		return look_at_pressure(stop_if, health, now_ns);
	why = stop_if->load ? look_at_load(health, stop_if->load)
	      : stop_if->memory_free_ppb
		      ? look_at_memory(health, stop_if->memory_free_ppb)
		      : look_at_disk(health, journal_fd, stop_if->disk_free_bytes,
				     stop_if->disk_free);
	if (!why)
		health->since_ns = 0;
	else if (!health->since_ns)
		health->since_ns = now_ns;
	if (why && now_ns - health->since_ns >= stop_if->for_ns)
		return why;
	free(why);
	return NULL;
}

int64_t sq_health_clock_jump(int64_t *offset_ns, uint64_t wall_ns, uint64_t now_ns)
{
	int64_t offset = (int64_t)wall_ns - (int64_t)now_ns, jump = offset - *offset_ns;
	bool first = !*offset_ns;

	*offset_ns = offset;
	return first || (jump < (int64_t)SQ_S && jump > -(int64_t)SQ_S) ? 0 : jump;
}
