/* SPDX-License-Identifier: GPL-2.0-only */
/* Realised delays, as struct sq_hist keeps them. */
#ifndef SQ_HISTOGRAM_H
#define SQ_HISTOGRAM_H

#include "maps.h"

/* @cut_ns: when it ended, of a nap that somebody has cut short. */
static __always_inline void sq_hist_add(__u64 faults, __u64 took_ns, __u64 cut_ns)
{
	__u64 us = took_ns / 1000, value = us;
	__u32 bucket, octave = 0;

	for (int i = 0; i < 32 && value >= 2 * SQ_HIST_SUB; i++) {
		value >>= 1;
		octave++;
	}
	bucket = octave * SQ_HIST_SUB + (octave ? value : us);
	for (__u64 fault = 0; fault < SQ_MAX_FAULTS && fault < sq_n_faults; fault++) {
		__u32 key = fault;
		struct sq_hist *hist;

		if (!(faults >> fault & 1))
			continue;
		hist = bpf_map_lookup_elem(&sq_hist, &key);
		if (!hist || bucket >= SQ_HIST_BUCKETS)
			continue;
		__sync_fetch_and_add(&hist->bucket[bucket], 1);
		__sync_fetch_and_add(&hist->count, 1);
		if (took_ns > READ_ONCE(hist->max_ns))
			WRITE_ONCE(hist->max_ns, took_ns);
		if (~took_ns > READ_ONCE(hist->min_below))
			WRITE_ONCE(hist->min_below, ~took_ns);
		if (cut_ns > READ_ONCE(hist->cut_ns))
			WRITE_ONCE(hist->cut_ns, cut_ns);
	}
}

#endif
