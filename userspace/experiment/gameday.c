// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/gameday.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiment/check.h"
#include "util/fs.h"
#include "util/time.h"

#define MOST_STEPS 100

#define AT(member) offsetof(struct sq_step, member)
static const struct sq_field step_fields[] = {
	{ .key = "file",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(file),
	  .required = true,
	  .help = "the experiment: a path from this file's folder on, or a NAME in "
		  "/etc/squall/experiments" },
	{ .key = "title",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(title),
	  .help = "what it is called on this day; left out: the experiment's title" },
	{ .key = "briefing",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(briefing),
	  .help = "what those who take part should know before it begins" },
	{ .key = "set",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(set),
	  .help = "values for the experiment's variables: [delay=100ms]" },
	{ .key = "wait",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(wait_ns),
	  .max = 24 * SQ_HOUR,
	  .help = "a pause before it is asked about" },
};
#undef AT

static const struct sq_schema step_schema = {
	.what = "an experiment of a game day",
	.size = sizeof(struct sq_step),
	.part = { SQ_PART(step_fields) },
};

#define AT(member) offsetof(struct sq_gameday, member)
static const struct sq_field gameday_fields[] = {
	{ .key = "version",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(version),
	  .required = true,
	  .min = 1,
	  .max = 1,
	  .help = "of the file format: 1" },
	{ .key = "title",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(title),
	  .required = true,
	  .help = "what the day is about, in a sentence" },
	{ .key = "briefing",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(briefing),
	  .help = "what those who take part should know: who watches what, who stops it" },
	{ .key = "experiments",
	  .type = SQ_TYPE_OBJECTS,
	  .offset = AT(steps),
	  .required = true,
	  .object = &step_schema,
	  .help = "the experiments, in their order" },
};
#undef AT

const struct sq_schema sq_gameday_schema = {
	.what = "a game day",
	.size = sizeof(struct sq_gameday),
	.part = { SQ_PART(gameday_fields) },
};

char *sq_step_path(const struct sq_gameday *gameday, const struct sq_step *step)
{
	size_t folder = (size_t)(sq_base_name(gameday->file) - gameday->file);

	if (!strchr(step->file, '/') && !strchr(step->file, '.'))
		return sq_asprintf(SQ_EXPERIMENTS_DIR "/%s.yaml", step->file);
	if (step->file[0] == '/')
		return sq_strdup(step->file);
	return sq_asprintf("%.*s%s", (int)folder, gameday->file, step->file);
}

/* It is printed to the terminal of somebody who is root. */
static void check_text(const struct sq_object *object, const char *key, const char *text,
		       const char *allowed, struct sq_diags *diags)
{
	if (text && sq_has_control(text, allowed))
		sq_diag_error(diags, sq_schema_mark(object, key), NULL,
			      "the %s has a control character in it%s", key,
			      *allowed ? "" : ", or a line's end");
}

static void check_file(const struct sq_gameday *gameday, const struct sq_step *step,
		       struct sq_diags *diags)
{
	_cleanup_free_ char *path = sq_step_path(gameday, step);

	if (access(path, R_OK) < 0)
		sq_diag_error(diags, sq_schema_mark(&step->object, "file"),
			      "a path counts from the folder of this file; a name without '/' and "
			      "'.' is looked up in " SQ_EXPERIMENTS_DIR,
			      "file: '%.200s' cannot be read: %s", path, strerror(errno));
}

static void check(const struct sq_gameday *gameday, struct sq_diags *diags)
{
	check_text(&gameday->object, "title", gameday->title, "", diags);
	check_text(&gameday->object, "briefing", gameday->briefing, "\n\t", diags);
	if (gameday->steps.n > MOST_STEPS)
		sq_diag_error(diags, sq_schema_mark(&gameday->object, "experiments"), NULL,
			      "the game day has %zu experiments; %d is the most", gameday->steps.n,
			      MOST_STEPS);
	for (size_t i = 0; i < gameday->steps.n && i < MOST_STEPS; i++) {
		const struct sq_step *step = &sq_steps(gameday)[i];

		check_text(&step->object, "title", step->title, "", diags);
		check_text(&step->object, "briefing", step->briefing, "\n\t", diags);
		if (step->file)
			check_file(gameday, step, diags);
	}
}

static struct sq_gameday *parse(const char *name, const char *text, size_t n,
				struct sq_diags *diags)
{
	struct sq_gameday *gameday = sq_alloc(sizeof(*gameday));

	gameday->file = sq_strdup(name);
	gameday->source = sq_strndup(text, n);
	gameday->source_size = n;
	gameday->root = sq_yaml_parse_file(name, text, n, diags);
	if (!gameday->root)
		return sq_gameday_free(gameday);
	sq_schema_read(&sq_gameday_schema, gameday->root, gameday, diags);
	check(gameday, diags);
	return diags->errors ? sq_gameday_free(gameday) : gameday;
}

struct sq_gameday *sq_gameday_load(const char *file, struct sq_diags *diags)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = sq_yaml_load(file, &text, diags);

	return n < 0 ? NULL : parse(file, text, (size_t)n, diags);
}

struct sq_gameday *sq_gameday_free(struct sq_gameday *gameday)
{
	if (!gameday)
		return NULL;
	sq_schema_clear(gameday);
	sq_node_free(gameday->root);
	free(gameday->file);
	free(gameday->source);
	free(gameday);
	return NULL;
}

void sq_gameday_freep(struct sq_gameday **gameday)
{
	sq_gameday_free(*gameday);
}

/* The host's policy has such a key too, for folders. */
static bool has_steps(const struct sq_node *root)
{
	const struct sq_node *steps = sq_node_get(root, "experiments");

	if (!steps || sq_node_get(root, "method") || sq_node_get(root, "targets"))
		return false;
	return steps->type == SQ_NODE_MAP ||
	       (steps->type == SQ_NODE_LIST && (!steps->n || steps->item[0]->type == SQ_NODE_MAP));
}

bool sq_gameday_is(const char *file)
{
	_cleanup_diags_ struct sq_diags ignored = { 0 };
	_cleanup_free_ char *text = NULL;
	struct sq_node *root = NULL;
	struct stat st;
	ssize_t n = -EINVAL;
	bool is;

	/* a pipe can be read only once */
	if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
		n = sq_read_file(AT_FDCWD, file, SQ_YAML_LARGEST, &text);
	if (n >= 0)
		root = sq_yaml_parse_file(file, text, (size_t)n, &ignored);
	is = root && root->type == SQ_NODE_MAP && has_steps(root);
	sq_node_free(root);
	return is;
}
