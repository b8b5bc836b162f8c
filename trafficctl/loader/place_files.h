/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The folder of a backend that has no pins. */
#pragma once

#include "loader.h"
#include "undo.h"

/*
 * The folder that is meant by --bpffs, made where it is the default; static, or of options. -EMEDIUMTYPE: a bpffs,
 * which takes no files; -ENAMETOOLONG: for the socket in it; -EBADMSG: others could put something else there; -ENOENT;
 * -errno of mkdir(2). fault says which.
 */
int place_files_prepare(const struct load_options *options, struct undo *undo, const char **ret_place,
                        struct fault *fault);
