// SPDX-License-Identifier: GPL-2.0-only
#include "inject/wrappers.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "util/text.h"

/*
 * Only functions that make this call and no other, at once and always, in glibc 2.31 and later and in
 * musl. What has a security hook that sleeps is missing: that one sees every program. The other names
 * are aliases at the same place, or the 64-bit variant.
 */
static const struct {
	const char *call, *functions;
} table[] = {
	{ "read", "read" },
	{ "write", "write" },
	{ "pread64", "pread64 pread" },
	{ "pwrite64", "pwrite64 pwrite" },
	{ "readv", "readv" },
	{ "writev", "writev" },
	{ "preadv", "preadv64 preadv" },
	{ "pwritev", "pwritev64 pwritev" },
	{ "fsync", "fsync" },
	{ "fdatasync", "fdatasync" },
	{ "msync", "msync" },
	{ "sync", "sync" },
	{ "syncfs", "syncfs" },
	{ "sync_file_range", "sync_file_range" },
	{ "fallocate", "fallocate64 fallocate" },
	{ "ftruncate", "ftruncate64 ftruncate" },
	{ "truncate", "truncate64 truncate" },
	{ "lseek", "lseek64 lseek" },
	{ "flock", "flock" },
	{ "close", "close" },
	{ "getdents64", "getdents64" },
	{ "sendfile", "sendfile64 sendfile" },
	{ "copy_file_range", "copy_file_range" },
	{ "splice", "splice" },
	{ "sendmmsg", "sendmmsg" },
	{ "unlinkat", "unlinkat" },
	{ "mkdirat", "mkdirat" },
	{ "symlinkat", "symlinkat" },
	{ "linkat", "linkat" },
	{ "renameat2", "renameat2" },
	{ "fchmod", "fchmod" },
	{ "fchown", "fchown" },
	{ "epoll_ctl", "epoll_ctl" },
	{ "epoll_pwait", "epoll_pwait" },
	{ "ppoll", "ppoll" },
	{ "munmap", "munmap" },
	{ "mprotect", "mprotect" },
	{ "madvise", "madvise" },
	{ "wait4", "wait4" },
	{ "kill", "kill" },
	{ "getppid", "getppid" },
#ifdef __x86_64__
	/* where newer machines have one call for several functions */
	{ "unlink", "unlink" },
	{ "rename", "rename" },
	{ "renameat", "renameat" },
	{ "mkdir", "mkdir" },
	{ "rmdir", "rmdir" },
	{ "link", "link" },
	{ "symlink", "symlink" },
	{ "readlink", "readlink" },
	{ "access", "access" },
	{ "chmod", "chmod" },
	{ "chown", "chown" },
	{ "poll", "poll" },
	{ "epoll_wait", "epoll_wait" },
#endif
};

bool sq_call_has_wrapper(const char *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].call, call))
			return true;
	return false;
}

bool sq_is_c_library(const char *name)
{
	/* glibc before 2.34 has what can be cancelled in libpthread too */
	static const char *const begins[] = { "libc.so.6",   "libc-2.",	 "libpthread.so.0",
					      "libpthread-", "ld-musl-", "libc.musl-" };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

/* The number of the call that the function makes, if it is among @calls, or -1. */
static int call_of(const char *function, const struct sq_calls *calls)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int number;

		if (!sq_words_have(table[i].functions, function))
			continue;
		number = sq_call_number(table[i].call);
		if (number >= 0 && sq_calls_have(calls, (unsigned int)number))
			return number;
	}
	return -1;
}

/* Where an address of the loaded library is in its file; 0: nowhere. */
static uint64_t offset_of(Elf *elf, uint64_t address)
{
	GElf_Phdr header;
	size_t n = 0;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD &&
		    (header.p_flags & PF_X) && address >= header.p_vaddr &&
		    address < header.p_vaddr + header.p_filesz)
			return address - header.p_vaddr + header.p_offset;
	return 0;
}

static void add(struct sq_wrappers *wrappers, uint64_t offset, int call)
{
	size_t n = wrappers->n;

	for (size_t i = 0; i < n; i++)
		if (wrappers->offset[i] == offset)
			return;
	*(uint64_t *)sq_append(&wrappers->offset, &n, sizeof(*wrappers->offset)) = offset;
	*(uint64_t *)sq_append(&wrappers->call, &wrappers->n, sizeof(*wrappers->call)) =
		(uint64_t)call;
}

static void add_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
			const struct sq_calls *calls, struct sq_wrappers *ret)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	GElf_Sym symbol;

	for (size_t i = 0; data && i < n; i++) {
		const char *name;
		uint64_t offset;
		int call;

		if (!gelf_getsym(data, (int)i, &symbol) ||
		    GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		call = name ? call_of(name, calls) : -1;
		offset = call < 0 ? 0 : offset_of(elf, symbol.st_value);
		if (offset)
			add(ret, offset, call);
	}
}

int sq_wrappers_find(int fd, const struct sq_calls *calls, struct sq_wrappers *ret)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	Elf *elf;

	*ret = (struct sq_wrappers){ 0 };
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return -ENOEXEC;
	}
	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM)
			add_symbols(elf, section, &header, calls, ret);
	elf_end(elf);
	return 0;
}

void sq_wrappers_clear(struct sq_wrappers *wrappers)
{
	free(wrappers->offset);
	free(wrappers->call);
	*wrappers = (struct sq_wrappers){ 0 };
}
