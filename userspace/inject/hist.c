// SPDX-License-Identifier: GPL-2.0-only
#include "inject/hist.h"

#include "util/mem.h"
#include "util/time.h"

void sq_hist_add(struct sq_hist *hist, uint64_t took_ns)
{
	uint64_t value = took_ns / SQ_US;
	uint32_t octave = 0, bucket;

	for (; value >= 2ull * SQ_HIST_SUB; value >>= 1)
		octave++;
	bucket = octave * SQ_HIST_SUB + (uint32_t)value;
	if (bucket >= SQ_HIST_BUCKETS)
		bucket = SQ_HIST_BUCKETS - 1;
	__atomic_add_fetch(&hist->bucket[bucket], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&hist->count, 1, __ATOMIC_RELAXED);
	if (took_ns > __atomic_load_n(&hist->max_ns, __ATOMIC_RELAXED))
		__atomic_store_n(&hist->max_ns, took_ns, __ATOMIC_RELAXED);
	if (~took_ns > __atomic_load_n(&hist->min_below, __ATOMIC_RELAXED))
		__atomic_store_n(&hist->min_below, ~took_ns, __ATOMIC_RELAXED);
}

/* Where a bucket begins. */
static uint64_t bucket_ns(uint32_t bucket)
{
	uint32_t octave = bucket < 2 * SQ_HIST_SUB ? 0 : bucket / SQ_HIST_SUB - 1;
	uint64_t value = bucket - octave * SQ_HIST_SUB;

	return (value << octave) * SQ_US;
}

/*
 * Within a bucket its values are taken to lie evenly, but between the shortest and the longest that
 * there was: a delay is never told as less than the least of them.
 */
static uint64_t within(const struct sq_hist *hist, uint32_t bucket, double part)
{
	uint64_t low = MAX(bucket_ns(bucket), ~hist->min_below);
	uint64_t high = bucket + 1 < SQ_HIST_BUCKETS ? bucket_ns(bucket + 1) : hist->max_ns;

	high = MIN(high, hist->max_ns);
	return high > low ? low + (uint64_t)(part * (double)(high - low)) : high;
}

void sq_hist_quantiles(const struct sq_hist *hist, const double *share, size_t n, uint64_t *ret)
{
	uint64_t total = 0, sum = 0;
	size_t next = 0;

	for (uint32_t i = 0; i < SQ_HIST_BUCKETS; i++)
		total += hist->bucket[i];
	for (uint32_t i = 0; i < SQ_HIST_BUCKETS && next < n && total; i++) {
		uint64_t here = hist->bucket[i];

		for (; here && next < n && (double)(sum + here) >= share[next] * (double)total;
		     next++)
			ret[next] =
				within(hist, i,
				       (share[next] * (double)total - (double)sum) / (double)here);
		sum += here;
	}
	for (; next < n; next++)
		ret[next] = total ? hist->max_ns : 0;
}
