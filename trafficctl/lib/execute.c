/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "execute.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "aftermath.h"
#include "cleanup.h"
#include "generation.h"
#include "grace.h"
#include "pins.h"
#include "read.h"
#include "rules.h"

/* Writes of one map that put rows there, or take them away, in the order in which they are done. */
struct span {
    const struct plan *plan;
    int fd;
    size_t first, count;
    bool back; /* from first downwards, and to what was before */
};

static const struct plan_write *span_at(const struct span *span, size_t i)
{
    return &span->plan->writes[span->back ? span->first - i : span->first + i];
}

static bool is_put(const struct plan_write *write, bool back)
{
    return back ? write->was : write->is;
}

static uint64_t value_to_put(const struct plan_write *write, bool back)
{
    return back ? write->before : write->after;
}

static size_t value_size(enum image_map map)
{
    return image_names_uid(map) ? sizeof(struct tctl_uid_rules) : sizeof(uint8_t);
}

static void fill(const struct span *span)
{
    const size_t size = value_size(span_at(span, 0)->map);
    for (size_t i = 0; i < span->count; i++) {
        const struct plan_write *write = span_at(span, i);
        uint64_t value = value_to_put(write, span->back);
        const struct tctl_uid_rules word = {write->key, (uint32_t)value};
        const uint8_t byte = (uint8_t)value;
        span->plan->keys[i] = write->key;
        memcpy(span->plan->values + i * size, size == sizeof(word) ? (const void *)&word : &byte, size);
    }
}

static int put_config(const struct enforce *enforce, uint64_t value)
{
    const uint32_t zero = 0;
    struct tctl_config config;
    int r = rules_config(enforce, &config);
    if (r < 0)
        return r;
    config.chains = (uint32_t)value;
    config.closed = value & PLAN_CLOSED ? 1 : 0;
    return bpf_map_update_elem(enforce->config, &zero, &config, BPF_ANY);
}

/* As many as go from the i-th on. *done: how many were. */
static int write_batch(const struct span *span, size_t i, size_t *done)
{
    const struct plan_write *write = span_at(span, i);
    uint32_t count = (uint32_t)(span->count - i), written = count;
    unsigned char *values = span->plan->values + i * value_size(write->map);
    int r = is_put(write, span->back) ? bpf_map_update_batch(span->fd, span->plan->keys + i, values, &written, NULL)
                                      : bpf_map_delete_batch(span->fd, span->plan->keys + i, &written, NULL);
    *done = r < 0 && written == count ? 0 : written; /* untouched: refused as a whole */
    return r;
}

static int write_one(const struct span *span, size_t i, size_t *done)
{
    const struct plan_write *write = span_at(span, i);
    unsigned char *value = span->plan->values + i * value_size(write->map);
    int r = is_put(write, span->back) ? bpf_map_update_elem(span->fd, &write->key, value, BPF_ANY)
                                      : bpf_map_delete_elem(span->fd, &write->key);
    *done = r == 0;
    return r;
}

/* One that cannot be taken back does not keep the others from being taken back. *ret_done: how many were written. */
static int write_rows(const struct span *span, size_t *ret_done)
{
    bool batches = true;
    int first_error = 0;
    size_t i = 0;
    fill(span);
    while (i < span->count) {
        size_t done = 0;
        int r = batches ? write_batch(span, i, &done) : write_one(span, i, &done);
        i += done;
        if (batches && read_has_no_batches(r)) {
            batches = false;
            continue;
        }
        if (r == 0)
            continue;
        if (r != -ENOENT || is_put(span_at(span, i), span->back)) {
            first_error = first_error ? first_error : r;
            if (!span->back)
                break;
        }
        i++; /* not to be written, or gone already */
    }
    *ret_done = i;
    return first_error;
}

static int write_span(const struct enforce *enforce, const struct span *span, size_t *ret_done)
{
    const struct plan_write *write = span_at(span, 0);
    if (write->map != IMAGE_CONFIG)
        return write_rows(span, ret_done);
    int r = put_config(enforce, value_to_put(write, span->back));
    *ret_done = r == 0;
    return r;
}

/* What can be written at once: up to the end of the plan, or down to its beginning. */
static struct span span_from(const struct plan *plan, const struct enforce *enforce, size_t first, bool back)
{
    const struct plan_write *write = &plan->writes[first];
    struct span span = {.plan = plan, .fd = image_fd(enforce, write->map), .first = first, .count = 1, .back = back};
    size_t left = back ? first + 1 : plan->count - first;
    if (write->map == IMAGE_CONFIG)
        return span;
    while (span.count < left) {
        const struct plan_write *next = span_at(&span, span.count);
        if (next->phase != write->phase || next->map != write->map || is_put(next, back) != is_put(write, back))
            break;
        span.count++;
    }
    return span;
}

static int take_back(const struct plan *plan, const struct enforce *enforce, size_t done)
{
    int first_error = 0;
    while (done > 0) {
        size_t written;
        struct span span = span_from(plan, enforce, done - 1, true);
        int r = write_span(enforce, &span, &written);
        first_error = first_error ? first_error : r;
        done -= span.count;
    }
    return first_error;
}

static int run(const struct plan *plan, const struct enforce *enforce, size_t *done, struct fault *fault)
{
    for (bool waited = false; *done < plan->count;) {
        size_t written;
        struct span span = span_from(plan, enforce, *done, false);
        if (plan->writes[*done].phase >= PLAN_EMPTY && !waited) {
            int r = generation_raise(enforce->generation);
            if (r < 0)
                return fault_set(fault, r, "cannot raise the generation: %s", strerror(-r));
            grace_wait();
            waited = true;
        }
        int r = write_span(enforce, &span, &written);
        *done += written;
        if (r < 0)
            return fault_set(fault, r, "cannot write %s: %s", pins[image_pin(plan->writes[*done].map)].path,
                             r == -E2BIG ? "somebody else has filled it meanwhile" : strerror(-r));
    }
    int r = generation_raise(enforce->generation);
    return r < 0 ? fault_set(fault, r, "cannot raise the generation: %s", strerror(-r)) : 0;
}

int execute_plan(const struct plan *plan, const struct enforce *enforce, struct fault *fault)
{
    size_t done = 0;
    int r = run(plan, enforce, &done, fault);
    if (r == 0)
        return 0;
    int undone = take_back(plan, enforce, done);
    generation_raise(enforce->generation);
    if (undone < 0 && fault)
        aftermath_tell(plan, enforce, fault);
    return r;
}
