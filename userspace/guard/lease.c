// SPDX-License-Identifier: GPL-2.0-only
#include "guard/lease.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/time.h"

#define LONG_AGO 1 /* not 0, which is a lease that has not begun */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int map_control(struct sq_lease *lease, int fd, int protection, struct sq_error **err)
{
	void *page = mmap(NULL, page_size(), protection, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return sq_error_errno(err, errno, "cannot map the lease");
	lease->control = page;
	return 0;
}

int sq_lease_create(struct sq_lease *lease, const struct sq_kill_switch *kill_switch,
		    uint64_t epoch, uint32_t slot, uint64_t generation, struct sq_error **err)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int r;

	*lease = (struct sq_lease){
		.entry = kill_switch->entry, .epoch = epoch, .slot = slot, .generation = generation
	};
	lease->control_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sq_control", sizeof(uint32_t),
					   sizeof(struct sq_control), 1, &options);
	if (lease->control_fd < 0)
		return sq_error_errno(err, errno, "cannot make the lease's map");
	r = map_control(lease, lease->control_fd, PROT_READ | PROT_WRITE, err);
	if (r)
		sq_lease_close(lease);
	return r;
}

int sq_lease_view(struct sq_lease *lease, int control_fd, int switch_fd, uint64_t epoch,
		  uint32_t slot, uint64_t generation, struct sq_error **err)
{
	size_t size = SQ_SWITCH_SLOTS * sizeof(struct sq_switch);
	void *entries = mmap(NULL, size, PROT_READ, MAP_SHARED, switch_fd, 0);
	int r;

	*lease = (struct sq_lease){
		.control_fd = -EBADF, .epoch = epoch, .slot = slot, .generation = generation
	};
	if (entries == MAP_FAILED)
		return sq_error_errno(err, errno, "cannot map the kill switch");
	lease->entry = entries;
	r = map_control(lease, control_fd, PROT_READ, err);
	sq_close(control_fd);
	sq_close(switch_fd);
	return r;
}

void sq_lease_close(struct sq_lease *lease)
{
	if (lease->control)
		munmap((void *)lease->control, page_size());
	lease->control = NULL;
	lease->control_fd = sq_close(lease->control_fd);
}

void sq_lease_begin(struct sq_lease *lease, uint64_t duration_ns)
{
	uint64_t now = sq_now();

	__atomic_store_n(&lease->control->deadline_ns, now + duration_ns, __ATOMIC_SEQ_CST);
	__atomic_store_n(&lease->control->valid_until_ns, now + SQ_LEASE_NS, __ATOMIC_SEQ_CST);
}

void sq_lease_end(struct sq_lease *lease)
{
	if (lease->control)
		__atomic_store_n(&lease->control->valid_until_ns, LONG_AGO, __ATOMIC_SEQ_CST);
}

bool sq_lease_renew(struct sq_lease *lease)
{
	uint64_t until = sq_now() + SQ_LEASE_NS;
	__u64 old = __atomic_load_n(&lease->control->valid_until_ns, __ATOMIC_SEQ_CST);

	if (sq_now() >= old)
		return false;
	if (!__atomic_compare_exchange_n(&lease->control->valid_until_ns, &old, until, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	if (sq_now() < old)
		return true;
	/* held up before the exchange, or after it: who tells? Somebody may have seen it lapse */
	sq_lease_end(lease);
	return false;
}

bool sq_lease_killed(const struct sq_lease *lease)
{
	return __atomic_load_n(&lease->entry[0].count, __ATOMIC_SEQ_CST) != lease->epoch ||
	       __atomic_load_n(&lease->entry[lease->slot].count, __ATOMIC_SEQ_CST) !=
		       lease->generation;
}

enum sq_lease_state sq_lease_state(const struct sq_lease *lease)
{
	uint64_t until = __atomic_load_n(&lease->control->valid_until_ns, __ATOMIC_SEQ_CST);
	uint64_t now = sq_now();

	if (sq_lease_killed(lease))
		return SQ_LEASE_KILLED;
	if (!until)
		return SQ_LEASE_WAITING;
	if (now >= until || now >= __atomic_load_n(&lease->control->deadline_ns, __ATOMIC_SEQ_CST))
		return SQ_LEASE_LAPSED;
	return SQ_LEASE_ALIVE;
}
