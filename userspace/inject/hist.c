// SPDX-License-Identifier: GPL-2.0-only
#include "inject/hist.h"

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
}

/* The middle of a bucket. */
static uint64_t bucket_ns(uint32_t bucket)
{
	uint32_t octave = bucket < 2 * SQ_HIST_SUB ? 0 : bucket / SQ_HIST_SUB - 1;
	uint64_t value = bucket - octave * SQ_HIST_SUB;

	return (value << octave) * SQ_US + ((1ull << octave) * SQ_US) / 2;
}

uint64_t sq_hist_quantile(const struct sq_hist *hist, double share)
{
	uint64_t total = 0, sum = 0, rank;

	for (uint32_t i = 0; i < SQ_HIST_BUCKETS; i++)
		total += hist->bucket[i];
	if (!total)
		return 0;
	rank = (uint64_t)(share * (double)(total - 1));
	for (uint32_t i = 0; i < SQ_HIST_BUCKETS; i++) {
		sum += hist->bucket[i];
		if (sum > rank)
			return bucket_ns(i) < hist->max_ns ? bucket_ns(i) : hist->max_ns;
	}
	return hist->max_ns;
}
