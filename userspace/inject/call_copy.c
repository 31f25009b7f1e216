// SPDX-License-Identifier: GPL-2.0-only
#include "inject/call_copy.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

/* What libbpf has told the kernel of a program: relocated, and with its types. */
struct template
{
	const struct bpf_program *program;
	char *name;
	struct bpf_insn *code;
	size_t n;
	void *functions, *lines;
	struct bpf_prog_load_opts options;
};

static struct template templates[4]; /* as many as there are programs in these sections, and one */

static void *copy_of(const void *data, size_t size)
{
	void *copy = sq_alloc(size + 1);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

static struct template *template_for(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
		if (!templates[i].name || !strcmp(templates[i].name, name))
			return &templates[i];
	return NULL;
}

/* Called by libbpf right before it loads a program; what it hands over is its own. */
static int remember(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	struct template *template = template_for(bpf_program__name(program));

	if (!template)
		return -E2BIG;
	free(template->name);
	free(template->code);
	free(template->functions);
	free(template->lines);
	*template = (struct template){
		.program = program,
		.name = sq_strdup(bpf_program__name(program)),
		.n = bpf_program__insn_cnt(program),
		.functions = copy_of(opts->func_info,
				     (size_t)opts->func_info_cnt * opts->func_info_rec_size),
		.lines = copy_of(opts->line_info,
				 (size_t)opts->line_info_cnt * opts->line_info_rec_size),
		.options = { .sz = sizeof(template->options),
			     .expected_attach_type = opts->expected_attach_type,
			     .prog_btf_fd = opts->prog_btf_fd,
			     .prog_flags = opts->prog_flags,
			     .func_info_cnt = opts->func_info_cnt,
			     .func_info_rec_size = opts->func_info_rec_size,
			     .line_info_cnt = opts->line_info_cnt,
			     .line_info_rec_size = opts->line_info_rec_size },
	};
	template->code =
		copy_of(bpf_program__insns(program), template->n * sizeof(*template->code));
	template->options.func_info = template->functions;
	template->options.line_info = template->lines;
	return 0;
}

void sq_call_copies_begin(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, handler, .prog_prepare_load_fn = remember);
	static bool begun;

	if (begun)
		return;
	begun = true;
	libbpf_register_prog_handler("fmod_ret", BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN,
				     &handler);
	libbpf_register_prog_handler("fentry", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, &handler);
}

int sq_call_copy(const struct bpf_program *program, int btf_id)
{
	struct template *template = template_for(bpf_program__name(program));
	struct bpf_prog_load_opts options;
	int fd;

	if (!template || template->program != program)
		return -ENOENT;
	options = template->options;
	options.attach_btf_id = (__u32)btf_id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, template->name, "GPL", template->code,
			   template->n, &options);
	return fd < 0 ? -errno : fd;
}
