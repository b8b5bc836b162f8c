/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "backend.h"

#include "state.h"

const struct backend *backend_of(const char *place)
{
    return state_is_file(place) ? &backend_nft : &backend_bpf;
}
