/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control path: the connections that a host is reached and run by. No network fault hits them
 * unless it includes them by name.
 */
#ifndef SQ_GUARD_CONTROL_PATH_H
#define SQ_GUARD_CONTROL_PATH_H

#include "experiment/peer.h"
#include "util/text.h"

/*
 * Finds the peers: of the SSH sessions that this process and those above it were started in, and of
 * the kubelet's connections. @texts gets a sentence for each, and for what the kernel side knows by
 * itself. Both are the caller's; the peers are cleared by sq_control_path_clear().
 */
void sq_control_path_find(struct sq_peers *peers, struct sq_texts *texts);

void sq_control_path_clear(struct sq_peers *peers);

#endif
