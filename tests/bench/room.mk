# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# bench: what a packet costs, as ratios measured in one run. Root; nothing but a world of its own is attached to.
BENCH_SEES := -Itests/bench -Itrafficctl/tag $(HARNESS_SEES) $(LOADER_SEES)
$(eval $(call objects,BENCH,$(wildcard tests/bench/*.c),$(BENCH_SEES),$(BPF_SKELETON)))
BENCH_PROGRAM := $(B)/obj/tests/bench/bench

$(BENCH_PROGRAM): $(BENCH_OBJ) $(HARNESS_OBJ) $(LOADER_OBJ) $(LIB_INSIDE) $(B)/libtrafficctl-tag.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka -ljansson -lm $(LOADER_LIBS) -o $@

bench: deps ## what a packet, a tag, a new list and a reading cost beside others; memory of trafficd; rates over veth
	@config/install-deps bench
	@+$(MAKE) --no-print-directory all $(BENCH_PROGRAM)
	@$(BENCH_PROGRAM)
