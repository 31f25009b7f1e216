/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that are loaded for many functions of the kernel's: libbpf loads a program once, and to open its
 * object anew for each function takes a hundred times as long as the kernel's part of it.
 */
#ifndef SQ_INJECT_CALL_COPY_H
#define SQ_INJECT_CALL_COPY_H

struct bpf_program;

/*
 * From now on it is remembered of each program in the sections "fmod_ret" and "fentry" how it was loaded at
 * last. To be called before objects are opened; more than once does no harm.
 */
void sq_call_copies_begin(void);

/*
 * Loads @program, which was loaded and whose object is still open, once more, for the function @btf_id of
 * the kernel's. Returns a descriptor that is the caller's, or a negative errno.
 */
int sq_call_copy(const struct bpf_program *program, int btf_id);

#endif
