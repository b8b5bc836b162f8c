/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What libbpf last complained of, as one line for a fault. libbpf has one printer per process, and so has this. */
#pragma once

/* Keep complaints from now on, instead of printing them. */
void complaint_listen(void);

/* The first one since, with the verifier's last words if it was a program; "" if there was none. Static. */
const char *complaint_text(void);

/* Name of the first map that could not be made since; "" if there was none. Static. */
const char *complaint_map(void);
