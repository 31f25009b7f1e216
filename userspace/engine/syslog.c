// SPDX-License-Identifier: GPL-2.0-only
#include "engine/syslog.h"

#include <stdio.h>
#include <string.h>

#include "util/journald.h"
#include "util/json.h"
#include "util/text.h"

#define NOTICE "5" /* of syslog(3) */
#define WARNING "4"

/* What each event is called for good: `journalctl MESSAGE_ID=...`. */
static const struct {
	const char *event, *id, *priority;
} events[] = {
	{ "started", "2a9d290120cd4156a4e3d8c862354bcb", NOTICE },
	{ "phase", "24a3b606053b4fc3b360830a409eeae5", NOTICE },
	{ "fault", "0a890823eac54ef68fc42268429f754e", NOTICE },
	{ "probe", "57ecdf68eac54484be06b46e2614a78a", NOTICE },
	{ "note", "19d164f4fcd74aafa11013d04ff607c4", NOTICE },
	{ "abort", "1edc5df5e16c4f128d983712e6a763bb", WARNING },
	{ "stopped", "85d87031032347ce9e8a31eb11b3c9a6", WARNING },
	{ "cleanup", "e4f85ce118da40719faa6cca7c27a59a", NOTICE },
	{ "ended", "11457bac7c3b442697662693cb89431b", NOTICE },
};

static int find(const char *event)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (!strcmp(events[i].event, event))
			return (int)i;
	return -1;
}

static char *probe_message(const json_t *members)
{
	static const char *const phases[] = { "before", "during", "after" };
	_cleanup_buffer_ struct sq_buffer text = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		const json_t *result = json_object_get(members, phases[i]);
		const char *why = sq_json_text(result, "why");

		if (result)
			sq_buffer_add(&text, "probe '%s', %s: %s%s%s",
				      sq_json_text(members, "name"), phases[i],
				      sq_json_text(result, "verdict"), *why ? ": " : "", why);
	}
	return *sq_buffer_text(&text) ? sq_strdup(sq_buffer_text(&text)) : NULL;
}

char *sq_syslog_message(const char *event, const json_t *members)
{
	const char *reason = sq_json_text(members, "reason");

	if (!strcmp(event, "started"))
		return sq_asprintf(
			"started: %s",
			sq_json_text(
				json_object_get(json_object_get(members, "document"), "experiment"),
				"title"));
	if (!strcmp(event, "phase"))
		return sq_asprintf("phase: %s", sq_json_text(members, "phase"));
	if (!strcmp(event, "fault"))
		return sq_asprintf("fault '%s' %s", sq_json_text(members, "name"),
				   sq_json_text(members, "what"));
	if (!strcmp(event, "probe"))
		return probe_message(members);
	if (!strcmp(event, "note"))
		return sq_asprintf("note: %s%s%s", sq_json_text(members, "mark"),
				   *sq_json_text(members, "mark") ? ": " : "",
				   sq_json_text(members, "text"));
	if (!strcmp(event, "abort") || !strcmp(event, "stopped"))
		return sq_asprintf("%s by %s: %s", *event == 'a' ? "aborted" : "stopped",
				   sq_json_text(members, "by"), reason);
	if (!strcmp(event, "cleanup"))
		return sq_strdup(json_is_true(json_object_get(members, "clean"))
					 ? "clean-up: nothing of the run is left"
					 : "clean-up: something is left: `squall recover`");
	if (!strcmp(event, "ended"))
		return sq_asprintf("ended: %s%s%s", sq_json_text(members, "verdict"),
				   *reason ? ": " : "", reason);
	return NULL;
}

void sq_syslog_event(const char *run, const char *title, const char *event, const json_t *members)
{
	_cleanup_free_ char *message = NULL, *text = NULL;
	const char *name = sq_json_text(members, "name");
	struct sq_journald_entry entry = { .n = 0 };
	char code[16] = "";
	int i = find(event);

	if (i >= 0)
		message = sq_syslog_message(event, members);
	if (!message)
		return;
	if (json_object_get(members, "exit"))
		snprintf(code, sizeof(code), "%d", (int)sq_json_int(members, "exit"));
	text = sq_asprintf("run %s: %s", run, message);
	sq_journald_add(&entry, "MESSAGE", text);
	sq_journald_add(&entry, "MESSAGE_ID", events[i].id);
	sq_journald_add(&entry, "PRIORITY",
			*code && strcmp(code, "0") != 0 ? WARNING : events[i].priority);
	sq_journald_add(&entry, "SYSLOG_IDENTIFIER", "squall");
	sq_journald_add(&entry, "SQUALL_RUN", run);
	sq_journald_add(&entry, "SQUALL_EXPERIMENT", title);
	sq_journald_add(&entry, "SQUALL_EVENT", event);
	sq_journald_add(&entry, "SQUALL_PHASE", sq_json_text(members, "phase"));
	sq_journald_add(&entry, "SQUALL_FAULT", strcmp(event, "fault") ? NULL : name);
	sq_journald_add(&entry, "SQUALL_PROBE", strcmp(event, "probe") ? NULL : name);
	sq_journald_add(&entry, "SQUALL_MARK", sq_json_text(members, "mark"));
	sq_journald_add(&entry, "SQUALL_BY", sq_json_text(members, "by"));
	sq_journald_add(&entry, "SQUALL_REASON", sq_json_text(members, "reason"));
	sq_journald_add(&entry, "SQUALL_VERDICT", sq_json_text(members, "verdict"));
	sq_journald_add(&entry, "SQUALL_EXIT", code);
	sq_journald_send(SQ_JOURNALD_SOCKET, &entry);
}
