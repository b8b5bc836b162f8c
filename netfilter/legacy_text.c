/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "legacy_text.h"

void legacy_comment(uint32_t program, bool policy, char text[LEGACY_COMMENT_LEN])
{
    snprintf(text, LEGACY_COMMENT_LEN, "trafficctl program %u%s", program, policy ? "" : ", no policy match");
}

void legacy_marker(uint32_t program, bool policy, char text[LEGACY_MARKER_LEN])
{
    snprintf(text, LEGACY_MARKER_LEN, "%s:%u", policy ? "prog" : "bare", program);
}

static void quoted(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

/* As in netd: the packet of ESP counts, the one that was in it does not. */
static void let_ipsec_by(FILE *to, const struct legacy_place *place, bool policy)
{
    if (policy)
        fprintf(to, "-A %s -m policy --pol ipsec --dir %s -j RETURN\n", place->chain, place->in ? "in" : "out");
    fprintf(to, "-A %s %s ipsec+ -j RETURN\n", place->chain, place->in ? "-i" : "-o");
}

static void run_program(FILE *to, const struct legacy_wanted *wanted, const struct legacy_matches *matches)
{
    const struct legacy_place *place = wanted->place;
    char comment[LEGACY_COMMENT_LEN], marker[LEGACY_MARKER_LEN];
    fprintf(to, "-A %s -m bpf --object-pinned ", place->chain);
    quoted(to, wanted->path);
    if (matches->comment) {
        legacy_comment(wanted->program, matches->policy, comment);
        fprintf(to, " -m comment --comment \"%s\"\n", comment);
    } else {
        legacy_marker(wanted->program, matches->policy, marker);
        fprintf(to, "\n-A %s %s %s -j RETURN\n", place->chain, place->in ? "-i" : "-o", marker);
    }
}

static void delete_jumps(FILE *to, const struct legacy_place *place, unsigned int count)
{
    while (count-- > 0)
        fprintf(to, "-D %s -j %s\n", place->built_in, place->chain);
}

void legacy_text_put(FILE *to, const struct legacy_wanted *wanted, const struct legacy_found *found,
                     const struct legacy_matches *matches)
{
    const struct legacy_place *place = wanted->place;
    if (legacy_found_is_right(found))
        return;
    fprintf(to, "*%s\n", place->table);
    if (!found->runs) {
        fprintf(to, ":%s - [0:0]\n", place->chain); /* makes it, or empties it */
        let_ipsec_by(to, place, matches->policy);
        run_program(to, wanted, matches);
    }
    if (found->jumps == 0)
        fprintf(to, "-I %s -j %s\n", place->built_in, place->chain);
    else
        delete_jumps(to, place, found->jumps - 1);
    fprintf(to, "COMMIT\n");
}

void legacy_text_remove(FILE *to, const struct legacy_place *place, const struct legacy_found *found)
{
    const bool left_over = found->referenced && found->empty && found->jumps == 0;
    if (!found->chain || left_over)
        return;
    fprintf(to, "*%s\n", place->table);
    delete_jumps(to, place, found->jumps);
    fprintf(to, "-F %s\n", place->chain);
    if (!found->referenced)
        fprintf(to, "-X %s\n", place->chain);
    fprintf(to, "COMMIT\n");
}
