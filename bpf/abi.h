/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel side and the controller share: the layout of every map.
 *
 * Included by BPF programs and by user space alike, so only fixed-width types. Times are
 * CLOCK_BOOTTIME in nanoseconds unless a name says otherwise: a suspended host must not keep a
 * lease alive, and monotonic time stops in a suspend.
 */
#ifndef SQ_ABI_H
#define SQ_ABI_H

#include <linux/types.h>

#define SQ_MAX_FAULTS 64 /* one bit each in a cgroup's mask */
#define SQ_MAX_LEVELS 16 /* distinct depths at which targets may live */
#define SQ_MAX_PORT_RANGES 8 /* per prefix of `to`, and for `local_ports` */
#define SQ_CALL_WORDS 8 /* bit map of system call numbers: 512 */
#define SQ_ALWAYS 0xffffffffu /* probability 100 % */
#define SQ_NO_CALL 0xffffffffu

/* Where a fault can act. A program asks the gate only for the faults of its own hook. */
enum sq_hook {
	SQ_HOOK_EGRESS,
	SQ_HOOK_INGRESS, /* of cgroups: the packet has its socket */
	SQ_HOOK_TC_INGRESS, /* of devices: what can take the delay line */
	SQ_HOOK_CONNECT,
	SQ_HOOK_BIND,
	SQ_HOOK_SENDMSG,
	SQ_HOOK_GETSOCKOPT,
	SQ_HOOK_SETSOCKOPT,
	SQ_HOOK_SYSENTER,
	SQ_HOOK_CALL, /* the system call's own function */
	SQ_HOOK_WRAPPER, /* the C library's function that makes the call */
	SQ_HOOK_FILE_OPEN, /* from here on: hooks of the Linux security modules, by their names */
	SQ_HOOK_FILE_PERMISSION,
	SQ_HOOK_FILE_IOCTL,
	SQ_HOOK_FILE_FCNTL,
	SQ_HOOK_FILE_LOCK,
	SQ_HOOK_FILE_TRUNCATE,
	SQ_HOOK_MMAP_FILE,
	SQ_HOOK_FILE_MPROTECT,
	SQ_HOOK_PATH_TRUNCATE,
	SQ_HOOK_PATH_UNLINK,
	SQ_HOOK_PATH_RMDIR,
	SQ_HOOK_PATH_MKDIR,
	SQ_HOOK_PATH_MKNOD,
	SQ_HOOK_PATH_SYMLINK,
	SQ_HOOK_PATH_LINK,
	SQ_HOOK_PATH_RENAME,
	SQ_HOOK_PATH_CHMOD,
	SQ_HOOK_PATH_CHOWN,
	SQ_HOOK_INODE_GETATTR,
	SQ_HOOK_INODE_READLINK,
	SQ_HOOK_SB_STATFS,
	SQ_HOOK_SOCKET_CREATE,
	SQ_HOOK_SOCKET_BIND,
	SQ_HOOK_SOCKET_CONNECT,
	SQ_HOOK_SOCKET_LISTEN,
	SQ_HOOK_SOCKET_ACCEPT,
	SQ_HOOK_SOCKET_SENDMSG,
	SQ_HOOK_SOCKET_RECVMSG,
	SQ_HOOK_SOCKET_GETSOCKOPT,
	SQ_HOOK_SOCKET_SETSOCKOPT,
	SQ_HOOK_SOCKET_SHUTDOWN,
	SQ_HOOK_BPRM_CREDS,
	SQ_HOOK_TASK_ALLOC,
	SQ_HOOK_NAP_OPEN, /* from here on: the same hooks, where they may sleep, for latency */
	SQ_HOOK_NAP_MMAP,
	SQ_HOOK_NAP_IOCTL,
	SQ_HOOK_NAP_GETATTR,
	SQ_HOOK_NAP_CREATE,
	SQ_HOOK_NAP_BIND,
	SQ_HOOK_NAP_CONNECT,
	SQ_HOOK_NAP_LISTEN,
	SQ_HOOK_NAP_ACCEPT,
	SQ_HOOK_NAP_SENDMSG,
	SQ_HOOK_NAP_RECVMSG,
	SQ_HOOK_NAP_GETSOCKOPT,
	SQ_HOOK_NAP_SETSOCKOPT,
	SQ_HOOK_NAP_SHUTDOWN,
	SQ_HOOK_NAP_EXEC,
	SQ_HOOK_NAP_FORK,
	SQ_HOOKS,
};

#define SQ_HOOK_LSM_FIRST SQ_HOOK_FILE_OPEN
#define SQ_HOOK_NAP_FIRST SQ_HOOK_NAP_OPEN

enum sq_action {
	SQ_ACTION_DROP,
	SQ_ACTION_DELAY,
	SQ_ACTION_ERROR,
	SQ_ACTION_CORRUPT,
	SQ_ACTION_DUPLICATE,
	SQ_ACTION_REORDER,
	SQ_ACTION_RATE,
	SQ_ACTION_RESET,
	SQ_ACTION_ANSWER, /* a question of the DNS */
};

/* Reasons why an event that a fault saw was not injected. */
enum sq_missed {
	SQ_MISSED_FILTER, /* to, except, ports, proto or paths did not match */
	SQ_MISSED_DICE, /* probability said no, or `skip` let it pass */
	SQ_MISSED_BUDGET, /* limit of the fault or `faults` of the blast radius was used up */
	SQ_MISSED_RATE, /* `rate` of the blast radius */
	SQ_MISSED_PROTECTED, /* in the target, but protected */
	SQ_MISSED_LEASE, /* lease or duration had ended */
	SQ_MISSED_KILLED, /* kill switch */
	SQ_MISSED_ROOM, /* no nap slot, no room in the delay line */
	SQ_MISSED_LOST, /* another fault lost the packet */
	SQ_MISSED_IDLE, /* within the burst of a limited rate: nothing had to wait */
	SQ_MISSED_UNCOVERED, /* a call that came where it could not be held back */
	SQ_MISSED_REASONS,
};

/*
 * The host's kill switch: one pinned map for all runs, an ABI that only grows. Entry 0 is for the
 * whole host, entry N for the run that holds slot N. A run remembers the host's epoch and its own
 * slot's generation when it starts; where either differs, nothing of it acts.
 */
#define SQ_SWITCH_SLOTS 256
#define SQ_SWITCH_MAGIC 0x7371756c6c763101ull

struct sq_switch {
	__u64 magic; /* entry 0 only */
	__u64 count; /* entry 0: epoch; entry N: generation */
	__u64 latched; /* entry 0: aborted with the latch; runs may not start */
	__u64 held_ns; /* entry N: when its run last said that it lives, by CLOCK_BOOTTIME; 0: it is free */
	__u64 reserved[4];
};

/* The lease and what changes with the targets. One entry, mmapable, written by the controller. */
struct sq_control {
	__u64 valid_until_ns; /* the dead man's switch; 0: disarmed */
	__u64 deadline_ns; /* `duration`, never moved */
	__u32 n_levels;
	__u32 handed; /* there are sockets that go by who holds them */
	__u32 levels[SQ_MAX_LEVELS];
	__u64 generation; /* moved after each change of the scopes or the levels */
	__u64 arrivals; /* counted by the kernel side: processes that user space should look at */
};

#define SQ_SCOPE_PROTECTED 1u /* with its descendants */
#define SQ_SCOPE_EXACT 2u /* protected, without its descendants */
#define SQ_SCOPE_SELF 4u /* squall's own: passes without being counted */

/* What a cgroup means to the run; keyed by cgroup id. */
struct sq_scope {
	__u64 faults; /* bit N: fault N hits this cgroup and all below it */
	__u32 index; /* its row in the counters */
	__u32 flags;
};

#define SQ_MAX_SPACES 4096 /* network namespaces that are known */

/* The scopes of one cgroup and all above it, as they were found; the kernel side's own. */
#define SQ_SCOPE_MEMORY 1024

struct sq_scope_memory {
	__u64 key; /* the cgroup's id and the generation */
	__u64 faults;
	__u64 rest; /* the row, and the flags above it */
	__u64 check; /* of the three */
	__u64 misses; /* of this slot */
	__u64 reserved[3]; /* a cache line */
};

struct sq_ports {
	__u32 n; /* 0: every port */
	struct {
		__u16 low, high;
	} range[SQ_MAX_PORT_RANGES];
};

/* IPv4 is looked up as ::ffff:a.b.c.d; `list` keeps the faults' lists apart. */
struct sq_peer_key {
	__u32 prefix_len;
	__u32 list;
	__u8 address[16];
};

#define SQ_PREFIX_LENGTHS 129 /* of an IPv6 address: 0 to 128 */

#define SQ_LIST_TO(fault) ((__u32)(fault)*2)
#define SQ_LIST_EXCEPT(fault) ((__u32)(fault)*2 + 1)
#define SQ_LIST_CONTROL ((__u32)SQ_MAX_FAULTS * 2) /* peers that only some faults may hit */
#define SQ_LIST_SPARES(list) ((list) == SQ_LIST_CONTROL || (list)&1)

#define SQ_RULE_TO 1u
#define SQ_RULE_EXCEPT 2u
#define SQ_RULE_PER_CONNECTION 4u
#define SQ_RULE_CALLS 8u
#define SQ_RULE_REORDER 16u
#define SQ_RULE_BURSTS 32u
#define SQ_RULE_WIRE 64u /* each wire packet of a super packet has a fate of its own */
#define SQ_RULE_CONTROL 128u /* the control path, too */

struct sq_rule {
	__u64 from_ns, until_ns; /* the window; until 0: not armed */
	__u64 ramp_ns;
	__u64 pulse_active_ns, pulse_idle_ns;
	__u64 limit, skip; /* 0: none */
	__u64 delay_ns, jitter_ns;
	__u64 calls[SQ_CALL_WORDS];
	__u32 probability; /* of 2^32; SQ_ALWAYS */
	__u32 error; /* 1 to 133 */
	__u32 flags;
	__u32 action;
	__u32 protocols; /* bit per SQ_PROTO_*; 0: every one */
	__u32 distribution; /* of the jitter: enum sq_distribution */
	struct sq_ports local;
	/* Gilbert and Elliott's, each of 2^32; SQ_ALWAYS */
	__u32 to_bad, to_good; /* p and r: how the state changes with a packet */
	__u32 passes_bad, passes_good; /* h and k: what passes in each state */
	__u32 gap; /* of those that may change their order every so many; 0: every one */
	__u64 rate_ns; /* what 64 KiB take */
	__u64 burst_ns; /* what a burst would take */
};

#define SQ_PROTO_TCP 1u
#define SQ_PROTO_UDP 2u
#define SQ_PROTO_ICMP 4u

/* What a fault remembers of a target cgroup's wire: two for each such pair, one for each way. */
struct sq_wire {
	__u64 next_ns; /* when all that it has taken is through: a limited rate */
	__u32 bad; /* the state of Gilbert and Elliott's model */
	__u32 passed; /* since the last one that changed its order */
};

/* One for each fault and target cgroup, per CPU. */
struct sq_counters {
	__u64 seen; /* the sum of the others, which user space makes */
	__u64 injected;
	__u64 overflowed; /* of those: lost, since the queue of a limited rate was full */
	__u64 missed[SQ_MISSED_REASONS];
};

/*
 * Paths. A pattern is a fixed part, resolved to an inode by user space, and what may stand behind
 * it; the kernel side walks from a file up to its file system's root and looks each inode up.
 */
#define SQ_MAX_PATTERNS 64 /* of all faults together; one bit each */
#define SQ_MAX_DEPTH 32 /* directories above a file that are looked at */
#define SQ_GLOB_SIZE 32 /* of one name, with the NUL behind it */

struct sq_inode_key {
	__u64 inode;
	__u32 device; /* the kernel's own number, not stat's */
	__u32 reserved;
};

/* How user space asks for a key, by a descriptor of its own. */
struct sq_inode_question {
	__u32 fd;
	__u32 reserved;
	struct sq_inode_key key; /* the answer */
};

/* The patterns whose fixed part is this inode, by what they match. */
struct sq_inode_patterns {
	__u64 itself; /* this file */
	__u64 child; /* what lies directly in it */
	__u64 below; /* whatever is below it */
};

struct sq_pattern {
	__u64 faults; /* one bit */
	char glob[SQ_GLOB_SIZE]; /* of the last name, with * and ?; empty: every name */
};

/*
 * Whose calls a fault has hit, and on which file. Programs and not processes, which may live for one call.
 * Of the path the last two names are kept, "" where the call names no file.
 */
#define SQ_VICTIMS 1024
#define SQ_VICTIM_NAME 40

struct sq_victim {
	__u32 fault;
	char process[16]; /* the name of the process, not of a thread */
	char folder[SQ_VICTIM_NAME], file[SQ_VICTIM_NAME];
};

/* Claims, one entry for each fault and one (SQ_MAX_FAULTS) for the run. */
struct sq_budget {
	__u64 claimed;
	__u64 skipped;
	__u64 next_ns; /* GCRA: theoretical arrival time */
	__u64 last_ns; /* when something was last claimed */
};

/*
 * Realised delays: log-linear, 256 buckets an octave, so a bucket is at most 0.4 % wide.
 * Written by the nap (BPF) and by the delay line (user space).
 */
#define SQ_HIST_SUB_BITS 8
#define SQ_HIST_SUB (1u << SQ_HIST_SUB_BITS)
#define SQ_HIST_BUCKETS (SQ_HIST_SUB * 32)

struct sq_hist {
	__u64 bucket[SQ_HIST_BUCKETS]; /* of microseconds */
	__u64 max_ns;
	__u64 min_below; /* 2^64 - 1 less the shortest: 0, as the map begins, is none */
	__u64 count;
	__u64 cut_ns; /* when a nap last ended before its time, or 0 */
};

/* A system call held back. The page of the same index in the napper's file is what it waits for. */
#define SQ_NAP_SLOTS 4096
#define SQ_NAP_PROBES 16

struct sq_nap_request {
	__u64 until_ns;
	__u32 busy; /* the slot is taken; the kernel side's own */
	__u32 reserved;
};

/* A process of a target's that was born, or has executed another program. */
#define SQ_BIRTHS_BYTES 65536

struct sq_birth {
	__u32 pid;
	__u32 executed;
};

/*
 * Names in the DNS, as keys of a trie: in lower case, backwards and with a NUL behind it, so that
 * "*.example.org" is the prefix "gro.elpmaxe.". A trie holds 256 bytes of a key, so of a longer name
 * the first letter is missing.
 */
#define SQ_DNS_KEY_SIZE 252

struct sq_name_key {
	__u32 prefix_len;
	__u32 fault;
	char name[SQ_DNS_KEY_SIZE];
};

/*
 * A packet held back, or one whose fate takes more than the kernel side can do. The gate writes what
 * the line must know, then sends the packet to the line's device with its number in the place of the
 * Ethernet destination: the number's last bits are the slot's, the others show a slot that was used
 * again.
 */
#define SQ_LINE_SLOTS 32768
#define SQ_LINE_MAGIC 0x5351
#define SQ_LINE_BYTES (256u << 20) /* what the line holds at the most */
#define SQ_LINE_SEGMENTS 64 /* wire packets of a super packet; those beyond share their fates */

#define SQ_LO 1 /* the index of lo in every network namespace */

enum sq_fate {
	SQ_FATE_PASS, /* on its way, but for what the masks say */
	SQ_FATE_RESET, /* both ends get a reset instead */
	SQ_FATE_ANSWER, /* the sender gets an answer instead */
};

struct sq_line_slot {
	__u64 seen_ns;
	__u64 delay_ns;
	__u64 faults; /* whose delay it is, as a mask */
	__u64 flow;
	__u32 ifindex;
	__u32 mark;
	__u32 priority;
	__u32 reorder; /* may overtake its own flow */
	__u8 dst_mac[6];
	__u8 l3; /* the device has no link-layer header */
	__u8 ingress; /* it came in by the device, and is to do so again */
	__u64 number; /* which packet this is: a reused slot shows */
	/* Of the wire packets of a super packet: a bit each. */
	__u64 lost, corrupted, doubled, late;
	__u64 late_ns; /* by how much more the late ones are delayed */
	__u64 draw; /* at random */
	__u32 segments; /* how many wire packets they were drawn for */
	__u32 fate; /* enum sq_fate */
	__u32 answer; /* of the DNS: the code */
	__u32 fated; /* the fault whose fate it is */
};

/* What the gate and the line server share besides. */
struct sq_line_shared {
	__u64 next; /* the number of the next packet */
	__u64 waits; /* the line server waits to be woken by the ring */
	__u64 fragments; /* that came in, and of which nobody knows the socket */
	__u64 alive_ns; /* when it last said that it takes packets, by CLOCK_BOOTTIME; 0: it takes none */
	__u64 translated; /* of what comes in there was some that the host's NAT translates */
};

/*
 * A packet that goes to the line server without a device in between: in the ring `sq_line_ring`, one wire packet,
 * whole, as the device would have got it.
 */
#define SQ_RING_BYTES (8u << 20)
#define SQ_RING_SMALL 256 /* bytes of a frame; the ring has records of two sizes */
#define SQ_RING_LARGE 1536

struct sq_line_record {
	struct sq_line_slot slot; /* but for dst_mac: that is in the frame */
	__u64 netns; /* the network namespace's cookie */
	__u32 n; /* bytes of the frame */
	__u16 csum_start, csum_offset;
	__u8 flags; /* of struct virtio_net_hdr */
	__u8 reserved[7];
	__u8 frame[];
};

/*
 * How a packet that came in goes back to the device it came by: the line server writes it to its own
 * device with the number of such an entry in the place of the Ethernet destination, and the program
 * there puts that back and sends the packet on.
 */
#define SQ_LINE_BACKS 4096

struct sq_line_back {
	__u32 ifindex;
	__u32 mark;
	__u8 dst_mac[6];
	__u8 reserved[2];
};

/*
 * The line in the kernel: a private pair of devices with fq between them. What becomes of a packet is told by an
 * entry, whose index takes the place of the guards (tc_index), which a packet keeps on its way through the pair;
 * that it is this packet's, by its hash. Nothing is written into the packet: its head would have to be copied.
 */
#define SQ_HELD 65536
#define SQ_BRIEF_NS 100000000ull /* the longest delay there */
#define SQ_HELD_LOST_NS 1000000000ull /* so long after its time a packet will not come any more */

struct sq_held {
	__u64 taken; /* until when the entry is a packet's (CLOCK_MONOTONIC); 0: nobody's */
	__u64 seen_ns; /* CLOCK_BOOTTIME */
	__u64 faults; /* whose delay it is, as a mask */
	__u32 hash;
	__u32 ifindex;
	__u32 mark;
	__u32 priority;
	__u32 bytes;
	__u16 guards;
	__u8 ingress; /* as in struct sq_line_slot */
	__u8 reserved[17];
};

/* What it holds, and has lost. */
struct sq_held_total {
	__u64 packets, bytes;
	__u64 delayed; /* of these packets what a fault delays, not what only follows */
	__u64 lost;
};

/* Of packets that the line sends to lo, which have come in before: they must not do so twice. */
#define SQ_BACK_PRIORITY 0x53510000u

_Static_assert(sizeof(struct sq_switch) == 64, "the switch is an ABI");
_Static_assert(sizeof(struct sq_line_slot) == 128, "two cache lines a packet");
_Static_assert(sizeof(struct sq_line_record) == 152, "no padding before the frame");
_Static_assert(sizeof(struct sq_held) == 64, "a cache line a packet");
_Static_assert(sizeof(struct sq_name_key) == 8 + SQ_DNS_KEY_SIZE, "no padding in a trie's key");
_Static_assert(sizeof(struct sq_peer_key) == 24, "no padding in a trie's key");
_Static_assert(sizeof(struct sq_ports) == 36, "no padding");
_Static_assert(sizeof(struct sq_inode_key) == 16, "no padding in a hash's key");
_Static_assert(SQ_HOOKS <= 64, "one bit each");
_Static_assert(sizeof(struct sq_rule) % 8 == 0, "no padding at the end");

#endif
