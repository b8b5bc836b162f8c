# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# bench: what a packet costs, as ratios measured in one run. Root; nothing but a world of its own is attached to.
BENCH_SEES := -Itests/bench -Itrafficctl/tag $(HARNESS_SEES) $(LOADER_SEES)
BENCH_SKELETON := $(B)/bpf/proc_text.skel.h $(B)/bpf/netd_like.skel.h
$(eval $(call objects,BENCH,$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)),$(BENCH_SEES),$(BPF_SKELETON) $(BENCH_SKELETON)))
BENCH_PROGRAM := $(B)/obj/tests/bench/bench

$(BENCH_PROGRAM): $(BENCH_OBJ) $(HARNESS_OBJ) $(LOADER_OBJ) $(LIB_INSIDE) $(B)/libtrafficctl-tag.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka -ljansson -lm $(LOADER_LIBS) -o $@

# What /proc did, done again, and what netd asks.
$(BENCH_SKELETON:.skel.h=.bpf.o): $(B)/bpf/%.bpf.o: tests/bench/%.bpf.c bpf/traffic_abi.h tests/bench/netd_rules.h
	@mkdir -p $(@D)
	$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror $(addprefix -I/usr/include/,$(MULTIARCH)) -Ibpf -c $< -o $@

$(B)/bpf/proc_text.skel.h: $(B)/bpf/proc_text.bpf.o
	$(BPFTOOL) gen skeleton $< name proc_text_object > $@

$(B)/bpf/netd_like.skel.h: $(B)/bpf/netd_like.bpf.o
	$(BPFTOOL) gen skeleton $< name netd_like > $@

bench: deps ## what it costs beside what else there is, into $(B)/bench/report.html; T="part ..." for some
	@config/install-deps bench
	@+$(MAKE) --no-print-directory all $(BENCH_PROGRAM)
	@$(BENCH_PROGRAM) $(T)
