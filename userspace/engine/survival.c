// SPDX-License-Identifier: GPL-2.0-only
/* The end of a run for its targets: do they live, and has systemd given one of them up? */
#include <string.h>

#include "engine/state.h"
#include "engine/vitals.h"
#include "util/time.h"

#define ASK_NS (5 * SQ_S)
#define FAILED "failed"

struct answer {
	bool done;
	char *failed; /* and why: "failed (oom-kill)" */
	char *unknown; /* why systemd has not said */
};

static void note(struct sq_run *run, const char *unit, const char *what, const char *why)
{
	_cleanup_free_ char *text = sq_asprintf("the unit '%s' %s%s", unit, what, why);

	sq_run_note(run, text);
}

static void on_answer(void *data, const struct sq_sample *sample)
{
	struct answer *answer = data;

	answer->done = true;
	if (sample->met)
		return;
	if (!strncmp(sample->why, SQ_UNIT_IS FAILED, strlen(SQ_UNIT_IS FAILED)))
		answer->failed = sq_strdup(sample->why + strlen(SQ_UNIT_IS));
	else
		answer->unknown = sq_strdup(sample->why);
}

/* Is the unit left failed, and why? Asked like a probe, beside the event loop. */
static int ask(struct sq_run *run, const char *unit, char **ret_failed, struct sq_error **err)
{
	static const struct sq_node written = { .n = 0 };
	const struct sq_source source = { .systemd = { .object.node = &written,
						       .object.schema = NULL,
						       .unit = (char *)unit,
						       .timeout_ns = ASK_NS } };
	struct sq_expect expect = { .object.node = NULL };
	struct answer answer = { .done = false };
	int r = 0;

	for (unsigned int i = 0; sq_unit_states[i]; i++)
		if (strcmp(sq_unit_states[i], FAILED) != 0)
			expect.state |= 1u << i;
	sq_prober_sample(run->prober, &source, &expect, on_answer, &answer);
	while (r >= 0 && !answer.done)
		r = sd_event_run(run->event, UINT64_MAX);
	if (answer.unknown)
		note(run, unit, "may have been left failed: ", answer.unknown);
	free(answer.unknown);
	*ret_failed = answer.failed;
	return r < 0 ? sq_error_errno(err, -r, "the event loop failed") : 0;
}

int sq_run_judge_survival(struct sq_run *run, struct sq_error **err)
{
	_cleanup_free_ char *why = sq_vitals_judge(run->vitals);
	int r = 0;

	if (why)
		sq_run_judge(run, SQ_DEVIATED, "%s", why);
	for (size_t i = 0; i < run->plan->paths.n && !r && !run->stopping; i++) {
		const char *unit = sq_vitals_unit(run->vitals, i);
		_cleanup_free_ char *failed = NULL;

		if (unit)
			r = ask(run, unit, &failed, err);
		if (!failed)
			continue;
		sq_run_judge(run, SQ_DEVIATED, "the unit '%s' was left %s", unit, failed);
		/* of two reasons the first is the run's */
		note(run, unit, "was left ", failed);
	}
	sq_journal_add(&run->journal, "survival", sq_vitals_json(run->vitals));
	return r;
}
