// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer on the reader of experiment files: whatever the bytes, an experiment or a mistake with
 * its place, every byte freed, and within the time that -timeout allows.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/experiment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* One or the other, and told: no experiment without a reason, none in spite of a mistake. */
static void check(const struct sq_experiment *experiment, const struct sq_diags *diags)
{
	if (!experiment != (diags->errors > 0))
		abort();
	for (size_t i = 0; i < diags->n; i++)
		if (!*diags->item[i].message || diags->item[i].mark.line < 0)
			abort();
	if (!experiment)
		return;
	if (!experiment->targets.n || !experiment->faults.n || !experiment->title)
		abort();
	for (size_t i = 0; i < experiment->faults.n; i++) {
		const struct sq_fault *fault = &sq_faults(experiment)[i];

		if (!fault->kind || !fault->name || !fault->targets.n || !fault->for_ns)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const values[] = { "delay=200ms", "name=a value" };
	_cleanup_texts_ struct sq_texts settings = { 0 };
	_cleanup_diags_ struct sq_diags diags = { 0 };
	_cleanup_free_ char *text = sq_alloc(n + 1), *rendered = NULL;
	struct sq_experiment *experiment;
	size_t size;
	FILE *stream;

	/* by the first byte, with and without settings: a setting nobody declares is a mistake */
	for (size_t i = 0; n && data[0] == '#' && i < ARRAY_SIZE(values); i++)
		sq_texts_add(&settings, values[i]);
	if (n)
		memcpy(text, data, n);
	experiment = sq_experiment_parse("fuzz.yaml", text, n, &settings, &diags);
	check(experiment, &diags);
	if (experiment && sq_experiment_total_ns(experiment) < sq_experiment_method_ns(experiment))
		abort();

	stream = open_memstream(&rendered, &size);
	if (!stream)
		abort();
	sq_diags_render(&diags, stream);
	fclose(stream);
	if (diags.n && !size)
		abort();
	sq_experiment_free(experiment);
	return 0;
}
