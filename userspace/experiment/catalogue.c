// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/catalogue.h"

#include "util/time.h"
#include "util/units.h"

#define AT(member) offsetof(struct sq_fault, member)
#define LONGEST (60 * SQ_S)
#define DAY (86400 * SQ_S)

static const char *const protocols[] = { "tcp", "udp", "icmp", NULL };
static const char *const directions[] = { "egress", "ingress", "both", NULL };
static const char *const distributions[] = { "uniform", "normal", "pareto", NULL };
static const char *const answers[] = { "SERVFAIL", "NXDOMAIN", "nothing", NULL };
const char *const sq_fault_includes[] = { "control-path", NULL };
static const char *const per[] = { "connection", "packet", NULL };

static const struct sq_field pulse_fields[] = {
	{ .key = "active",
	  .type = SQ_TYPE_DURATION,
	  .offset = offsetof(struct sq_pulse, active_ns),
	  .required = true,
	  .min = SQ_MS,
	  .max = DAY,
	  .help = "how long the fault acts" },
	{ .key = "idle",
	  .type = SQ_TYPE_DURATION,
	  .offset = offsetof(struct sq_pulse, idle_ns),
	  .required = true,
	  .min = SQ_MS,
	  .max = DAY,
	  .help = "how long it then pauses" },
};

static const struct sq_schema pulse_schema = {
	.what = "a pulse",
	.size = sizeof(struct sq_pulse),
	.part = { SQ_PART(pulse_fields) },
};

#define SHARE(name, member, ...)                                                                  \
	{                                                                                         \
		.key = name, .type = SQ_TYPE_SHARE, .offset = offsetof(struct sq_bursts, member), \
		.max = SQ_SHARE_ONE, __VA_ARGS__                                                  \
	}

static const struct sq_field bursts_fields[] = {
	SHARE("p", p_ppb, .required = true, .min = 1,
	      .help = "how often a packet turns the good state into the bad one"),
	SHARE("r", r_ppb, .required = true, .min = 1,
	      .help = "how often a packet turns the bad state into the good one: bursts are 1/r long"),
	SHARE("h", h_ppb, .fallback = "0%", .help = "what passes in the bad state"),
	SHARE("k", k_ppb, .fallback = "100%", .help = "what passes in the good state"),
};

static const struct sq_schema bursts_schema = {
	.what = "bursts",
	.size = sizeof(struct sq_bursts),
	.part = { SQ_PART(bursts_fields) },
};

#define PER(default_per)                                                             \
	{                                                                            \
		.key = "per", .type = SQ_TYPE_ENUM, .offset = AT(per), .names = per, \
		.fallback = default_per, .help = "what the probability is drawn for" \
	}

#define DIRECTION(default_direction)                                                               \
	{                                                                                          \
		.key = "direction", .type = SQ_TYPE_ENUM, .offset = AT(direction),                 \
		.names = directions, .fallback = default_direction, .help = "seen from the target" \
	}

#define PROBABILITY(...)                                                                        \
	{                                                                                       \
		.key = "probability", .type = SQ_TYPE_SHARE, .offset = AT(probability_ppb),     \
		.min = 1, .max = SQ_SHARE_ONE, .help = "the share of what matches that is hit", \
		__VA_ARGS__                                                                     \
	}

#define JITTER                                                                      \
	{                                                                           \
		.key = "jitter", .type = SQ_TYPE_DURATION, .offset = AT(jitter_ns), \
		.max = LONGEST, .help = "by how much the delay varies"              \
	}

#define DISTRIBUTION                                                                             \
	{                                                                                        \
		.key = "distribution", .type = SQ_TYPE_ENUM, .offset = AT(distribution),         \
		.names = distributions, .fallback = "uniform",                                   \
		.help = "uniform: jitter is the most, more and less; normal, pareto: jitter is " \
			"the standard deviation, delay the mean"                                 \
	}

/* What every fault takes. */
static const struct sq_field common[] = {
	{ .key = "name",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(name),
	  .help = "its name in the report; the kind's when left out" },
	{ .key = "fault",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(kind_name),
	  .required = true,
	  .help = "the kind" },
	{ .key = "target",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(targets),
	  .required = true,
	  .help = "a target of the experiment, or a list of them" },
	{ .key = "for",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(for_ns),
	  .required = true,
	  .min = 10 * SQ_MS,
	  .max = DAY,
	  .help = "how long it acts" },
	{ .key = "at",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(at_ns),
	  .max = DAY,
	  .help = "when it begins, counted from the first arming; 0s when left out" },
	{ .key = "after",
	  .type = SQ_TYPE_TEXT,
	  .offset = AT(after),
	  .help = "the name of a fault from whose end on 'at' counts" },
	{ .key = "ramp",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(ramp_ns),
	  .max = DAY,
	  .help = "how long it takes to grow to its full delay or probability" },
	{ .key = "pulse",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(pulse),
	  .object = &pulse_schema,
	  .help = "acts in turns: {active: 5s, idle: 10s}" },
	{ .key = "limit",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(limit),
	  .min = 1,
	  .help = "ends the fault after so many injections" },
	{ .key = "skip",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(skip),
	  .min = 1,
	  .help = "lets the first so many pass; with limit 1: the Nth call" },
	{ .key = "min_effect",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(min_effect),
	  .min = 1,
	  .fallback = "1",
	  .help = "with fewer injections the run is 'no effect'" },
};

/* What every fault takes that has to do with a peer; connect() has no more of them. */
static const struct sq_field peers[] = {
	{ .key = "to",
	  .type = SQ_TYPE_PEERS,
	  .offset = AT(to),
	  .help = "only this peer: the other side as the target knows it, whatever the direction" },
	{ .key = "except", .type = SQ_TYPE_PEERS, .offset = AT(except), .help = "but not this one" },
	{ .key = "ports",
	  .type = SQ_TYPE_PORTS,
	  .offset = AT(ports),
	  .help = "the peer's ports, for entries of `to` without one" },
	{ .key = "include",
	  .type = SQ_TYPE_ENUMS,
	  .offset = AT(include),
	  .names = sq_fault_includes,
	  .help = "control-path: also the operator's SSH connection, the kubelet's peers, ARP, NDP, "
		  "DHCP" },
};

#define LOCAL_PORTS                                                                     \
	{                                                                               \
		.key = "local_ports", .type = SQ_TYPE_PORTS, .offset = AT(local_ports), \
		.help = "the target's own ports: a slow server"                         \
	}

static const struct sq_field local_ports[] = {
	LOCAL_PORTS,
};

static const struct sq_field packets[] = {
	LOCAL_PORTS,
	{ .key = "proto",
	  .type = SQ_TYPE_ENUMS,
	  .offset = AT(protocols),
	  .names = protocols,
	  .help = "only this protocol; or a list" },
};

static const struct sq_field latency_fields[] = {
	{ .key = "delay",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(delay_ns),
	  .required = true,
	  .min = 10 * SQ_US,
	  .max = LONGEST,
	  .help = "one-way, for each direction named" },
	JITTER,
	DISTRIBUTION,
	{ .key = "reorder",
	  .type = SQ_TYPE_BOOL,
	  .offset = AT(reorder),
	  .fallback = "false",
	  .help = "lets jitter change the order of a connection's packets" },
	PROBABILITY(.fallback = "100%"),
	PER("connection"),
	DIRECTION("egress"),
};

static const char *const loss_one_of[] = { "probability", "bursts", NULL };

static const struct sq_field loss_fields[] = {
	PROBABILITY(),
	{ .key = "bursts",
	  .type = SQ_TYPE_OBJECT,
	  .offset = AT(bursts),
	  .object = &bursts_schema,
	  .help = "losses in bursts, by Gilbert and Elliott: {p: 1%, r: 25%}" },
	PER("packet"),
	DIRECTION("egress"),
};

static const struct sq_field corrupt_fields[] = {
	PROBABILITY(.required = true),
	PER("packet"),
	DIRECTION("egress"),
};

static const struct sq_field duplicate_fields[] = {
	PROBABILITY(.fallback = "100%"),
	PER("packet"),
	DIRECTION("egress"),
};

static const struct sq_field reorder_fields[] = {
	{ .key = "delay",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(delay_ns),
	  .required = true,
	  .min = 100 * SQ_US,
	  .max = LONGEST,
	  .help = "how much later than its time a packet leaves, so that others overtake it" },
	{ .key = "gap",
	  .type = SQ_TYPE_COUNT,
	  .offset = AT(gap),
	  .min = 1,
	  .max = UINT32_MAX,
	  .fallback = "1",
	  .help = "only every so many packets; of those `probability` are hit" },
	PROBABILITY(.fallback = "100%"),
	DIRECTION("egress"),
};

static const struct sq_field rate_fields[] = {
	{ .key = "rate",
	  .type = SQ_TYPE_BITRATE,
	  .offset = AT(rate_bps),
	  .required = true,
	  .min = 8000,
	  .max = 100000000000,
	  .help = "bits a second, for all of a cgroup's packets together, each way" },
	{ .key = "burst",
	  .type = SQ_TYPE_SIZE,
	  .offset = AT(burst_bytes),
	  .max = 1u << 30,
	  .fallback = "0B",
	  .help = "what may pass at once after a pause" },
	PROBABILITY(.fallback = "100%"),
	DIRECTION("egress"),
};

static const struct sq_field reset_fields[] = {
	PROBABILITY(.fallback = "100%"),
	PER("connection"),
	DIRECTION("egress"),
};

static const struct sq_field dns_fields[] = {
	{ .key = "names",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(names),
	  .required = true,
	  .help = "the names that are asked for: api.example.org, *.example.org (all below it), *" },
	{ .key = "answer",
	  .type = SQ_TYPE_ENUM,
	  .offset = AT(answer),
	  .names = answers,
	  .fallback = "SERVFAIL",
	  .help = "what comes back instead" },
	PROBABILITY(.fallback = "100%"),
	{ .key = "direction",
	  .type = SQ_TYPE_ENUM,
	  .offset = AT(direction),
	  .names = directions,
	  .fallback = "egress",
	  .help = "egress: the question, which its server never sees; ingress: the server's answer" },
	{ .key = "to",
	  .type = SQ_TYPE_PEERS,
	  .offset = AT(to),
	  .help = "only questions to this server" },
	{ .key = "except",
	  .type = SQ_TYPE_PEERS,
	  .offset = AT(except),
	  .help = "but not to this one" },
	{ .key = "ports",
	  .type = SQ_TYPE_PORTS,
	  .offset = AT(ports),
	  .fallback = "53",
	  .help = "the server's ports" },
};

static const struct sq_field partition_fields[] = {
	PROBABILITY(.fallback = "100%"),
	PER("connection"),
	DIRECTION("both"),
};

static const struct sq_field refuse_fields[] = {
	PROBABILITY(.fallback = "100%"),
	{ .key = "error",
	  .type = SQ_TYPE_ERRNO,
	  .offset = AT(error),
	  .fallback = "ECONNREFUSED",
	  .help = "ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH or ENETUNREACH" },
};

static const struct sq_absent refuse_absent[] = {
	{ "direction", "only the target's own connect() fails; network.reset and network.partition "
		       "with direction: ingress hit connections that others make to it" },
	{ "proto", "only TCP connections are refused" },
	{ "local_ports", "a connection that is refused has no port of its own yet" },
	{ "per", "every connection is drawn for itself" },
	{ NULL, NULL },
};

static const struct sq_absent dns_absent[] = {
	{ "proto", "only questions over UDP are hit; what goes over TCP: network.partition with "
		   "ports: 53 and proto: tcp" },
	{ "local_ports", "the target is who asks; 'ports' are the server's" },
	{ NULL, NULL },
};

static const struct sq_absent call_absent[] = {
	{ "direction", "a system call has none; network faults do" },
	{ NULL, NULL },
};

static const struct sq_field calls_field[] = {
	{ .key = "calls",
	  .type = SQ_TYPE_CALLS,
	  .offset = AT(calls),
	  .required = true,
	  .help = "which system calls, by name; or a group such as @file-write" },
	{ .key = "paths",
	  .type = SQ_TYPE_TEXTS,
	  .offset = AT(paths),
	  .help = "only these files: /a/b, /a/*.wal, /a/**, /a/**/*.wal" },
	PROBABILITY(.fallback = "100%"),
};

static const struct sq_field syscall_latency_fields[] = {
	{ .key = "delay",
	  .type = SQ_TYPE_DURATION,
	  .offset = AT(delay_ns),
	  .required = true,
	  .min = 10 * SQ_US,
	  .max = LONGEST,
	  .help = "how much longer the call takes" },
	JITTER,
	DISTRIBUTION,
};

static const struct sq_field syscall_error_fields[] = {
	{ .key = "error",
	  .type = SQ_TYPE_ERRNO,
	  .offset = AT(error),
	  .required = true,
	  .help = "what the call returns" },
};

#define SCHEMA(name, a, b, c, ...)                                         \
	{                                                                  \
		.what = name, .size = sizeof(struct sq_fault),             \
		.part = { SQ_PART(common), SQ_PART(a), b, c }, __VA_ARGS__ \
	}
#define NONE            \
	{               \
		NULL, 0 \
	}

const struct sq_fault_kind sq_catalogue[] = {
	{ SQ_FAULT_LATENCY, "network.latency", "packets of the target leave, or reach it, later",
	  "One-way: a round trip grows by the delay once, with direction both twice. Packets of one connection keep their order, unless dice pick single ones or `reorder` is set.",
	  SCHEMA("network.latency", latency_fields, SQ_PART(peers), SQ_PART(packets)) },
	{ SQ_FAULT_LOSS, "network.loss", "packets of the target are lost as on a bad wire",
	  "The sender is not told: TCP retransmits, UDP sees no error.",
	  SCHEMA("network.loss", loss_fields, SQ_PART(peers), SQ_PART(packets),
		 .one_of = loss_one_of) },
	{ SQ_FAULT_CORRUPT, "network.corrupt",
	  "packets of the target arrive with a bit turned over",
	  "The transport's checksum is wrong on the wire, and the peer drops what it notices.",
	  SCHEMA("network.corrupt", corrupt_fields, SQ_PART(peers), SQ_PART(packets)) },
	{ SQ_FAULT_DUPLICATE, "network.duplicate", "packets of the target arrive twice",
	  "TCP takes the copy for a retransmission; UDP's receiver sees two.",
	  SCHEMA("network.duplicate", duplicate_fields, SQ_PART(peers), SQ_PART(packets)) },
	{ SQ_FAULT_REORDER, "network.reorder", "packets of the target are overtaken by later ones",
	  "Where less than `delay` apart nothing follows a packet, it is only late.",
	  SCHEMA("network.reorder", reorder_fields, SQ_PART(peers), SQ_PART(packets)) },
	{ SQ_FAULT_RATE, "network.rate", "packets of the target pass a slow link",
	  "Its queue holds one second, and at least 16 packets; what comes beyond is lost.",
	  SCHEMA("network.rate", rate_fields, SQ_PART(peers), SQ_PART(packets)) },
	{ SQ_FAULT_PARTITION, "network.partition",
	  "the target and the peer cannot reach each other",
	  "Packets are lost as with a cut cable: connections hang.",
	  SCHEMA("network.partition", partition_fields, SQ_PART(peers), SQ_PART(packets)) },
	{ SQ_FAULT_REFUSE, "network.refuse", "new TCP connections of the target fail at once",
	  "Only connect() fails; a connection that stands, a pooled one for instance, goes on.",
	  SCHEMA("network.refuse", refuse_fields, SQ_PART(peers), NONE, .absent = refuse_absent) },
	{ SQ_FAULT_RESET, "network.reset", "the target's TCP connections end with a reset",
	  "Both ends get it, with the next packet that the target sends (or with `direction` gets); "
	  "one that is silent goes on.",
	  SCHEMA("network.reset", reset_fields, SQ_PART(peers), SQ_PART(local_ports)) },
	{ SQ_FAULT_DNS, "network.dns", "the target's questions for some names go wrong",
	  "Questions over UDP only: DNS over TCP, TLS or HTTPS is let pass.",
	  SCHEMA("network.dns", dns_fields, NONE, NONE, .absent = dns_absent) },
	{ SQ_FAULT_SYSCALL_LATENCY, "syscall.latency", "system calls of the target take longer",
	  "The delay changes neither result nor errno. It comes after the call's effect; before it where "
	  "the backend is a security hook (lsm.s) or the C library.",
	  SCHEMA("syscall.latency", syscall_latency_fields, SQ_PART(calls_field), SQ_PART(peers),
		 .absent = call_absent) },
	{ SQ_FAULT_SYSCALL_ERROR, "syscall.error", "system calls of the target fail",
	  "Which calls can be made to fail depends on the kernel: see squall doctor.",
	  SCHEMA("syscall.error", syscall_error_fields, SQ_PART(calls_field), SQ_PART(peers),
		 .absent = call_absent) },
};

const size_t sq_catalogue_n = ARRAY_SIZE(sq_catalogue);

_Static_assert(ARRAY_SIZE(sq_catalogue) == SQ_FAULT_KINDS, "one entry for each kind");
