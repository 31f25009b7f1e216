/* SPDX-License-Identifier: GPL-2.0-only */
/* Where squall keeps what. */
#ifndef SQ_GUARD_PATHS_H
#define SQ_GUARD_PATHS_H

#include "util/error.h"

#define SQ_RUN_DIR "/run/squall" /* root:squall 0750 */
#define SQ_BPF_DIR SQ_RUN_DIR "/bpf" /* a bpffs of squall's own */
#define SQ_SWITCH_PIN SQ_BPF_DIR "/switch"
#define SQ_LIVE_DIR SQ_RUN_DIR "/runs" /* a folder for each run under way */
#define SQ_CLSACT_DIR SQ_RUN_DIR "/clsact" /* marks of the clsact qdiscs made */
#define SQ_STOP_FILE SQ_RUN_DIR "/stop"
#define SQ_STATE_DIR "/var/lib/squall"
#define SQ_JOURNAL_DIR SQ_STATE_DIR "/runs" /* a folder for each run there was */
#define SQ_DAY_DIR SQ_STATE_DIR "/gamedays" /* a folder for each game day there was */
#define SQ_DAY_FILE SQ_RUN_DIR "/gameday" /* locked by the game day under way */
#define SQ_LATCH_FILE SQ_STATE_DIR "/latch"
#define SQ_CGROUP "/squall" /* parent of every run's cgroups */

/* Makes the folders, root:squall 0750 where there is a group squall. Needs root. */
int sq_paths_make(struct sq_error **err);

/* The group of squall's folders, once they are made: squall, or 0 where there is no such group. */
unsigned int sq_paths_group(void);

#endif
