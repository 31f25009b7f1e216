/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a random number to a delay: the quantile functions of the distributions, as tables.
 *
 * A table's grid is finest where the function is steepest: an octave of the tail's probability has as
 * many steps as the one before, so that one packet in a million is as exact as one in two. User space
 * computes the tables (inject/quantiles.c) and includes this file too, to be tested.
 */
#ifndef SQ_SAMPLE_H
#define SQ_SAMPLE_H

#include <linux/types.h>
#include <stdbool.h>

enum sq_distribution {
	SQ_UNIFORM, /* delay - jitter to delay + jitter */
	SQ_NORMAL, /* mean delay, standard deviation jitter */
	SQ_PARETO, /* the same, with a tail of power 3 */
	SQ_DISTRIBUTIONS,
};

#define SQ_QUANTILE_OCTAVES 24u /* the tail ends at 2^-24 */
#define SQ_QUANTILE_STEPS 16u
#define SQ_QUANTILES (SQ_QUANTILE_OCTAVES * (SQ_QUANTILE_STEPS + 1))
#define SQ_QUANTILE_ONE 65536 /* fixed point, in units of the jitter */
#define SQ_LONGEST_DELAY_NS 60000000000ull

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* How many of the 63 bits of @x above its highest one are 0; @x is not 0. */
static __always_inline __u32 sq_sample_octave(__u64 x)
{
	__u32 octave = 0;

	/* halving: clang makes a table of __builtin_clzll() for BPF, one more in each program */
	for (__u32 width = 32; width; width /= 2) {
		if (!(x >> (63 - width))) {
			octave += width;
			x <<= width;
		}
	}
	return octave;
}

/*
 * The quantile for a tail of probability @tail / 2^63, of SQ_QUANTILE_ONE. @table holds for each
 * octave the values at its grid's points, from the end of the tail on.
 */
static __always_inline __s64 sq_sample_quantile(const volatile __s32 *table, __u64 tail)
{
	__u32 octave, step, index;
	__u64 rest;
	__s64 low, high;

	tail |= 1;
	octave = sq_sample_octave(tail);
	if (octave >= SQ_QUANTILE_OCTAVES)
		return table[(SQ_QUANTILE_OCTAVES - 1) * (SQ_QUANTILE_STEPS + 1)];
	tail <<= octave; /* now bit 62 is set */
	step = (tail >> 58) & (SQ_QUANTILE_STEPS - 1);
	rest = (tail >> 42) & 0xffff;
	index = octave * (SQ_QUANTILE_STEPS + 1) + step;
	if (index >= SQ_QUANTILES - 1)
		return 0;
	low = table[index];
	high = table[index + 1]; /* nearer to the middle: less */
	return low - (__s64)((__u64)(low - high) * rest >> 16);
}

/*
 * A delay in ns, from 0 to 60 s, for the random number @draw. @tables holds the normal and the Pareto
 * distribution's. The normal one is symmetric: its table is of the half above the mean.
 */
static __always_inline __u64 sq_sample(const volatile __s32 *tables, __u32 distribution,
				       __u64 delay, __u64 jitter, __u64 draw)
{
	__u64 swing;
	bool less;

	if (distribution == SQ_UNIFORM) {
		swing = draw % (2 * jitter + 1);
		less = swing < jitter;
		swing = less ? jitter - swing : swing - jitter;
	} else {
		__s64 value = sq_sample_quantile(
			tables + (distribution == SQ_PARETO ? SQ_QUANTILES : 0), draw >> 1);

		less = value < 0;
		swing = (__u64)(less ? -value : value) * jitter / SQ_QUANTILE_ONE;
		if (distribution == SQ_NORMAL)
			less = draw & 1;
	}
	if (less)
		return delay > swing ? delay - swing : 0;
	return delay + swing < SQ_LONGEST_DELAY_NS ? delay + swing : SQ_LONGEST_DELAY_NS;
}

#endif
