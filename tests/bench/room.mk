# bench: what a packet costs, as ratios measured in one run. Root; nothing but a world of its own is attached to.
$(eval $(call objects,BENCH,$(wildcard tests/bench/*.c),-Itests/bench -Itests/harness $(LOADER_SEES),$(BPF_SKELETON)))

$(B)/obj/tests/bench/bench: $(BENCH_OBJ) $(HARNESS_OBJ) $(LOADER_OBJ) $(B)/libtrafficctl.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka -lm $(LOADER_LIBS) -o $@

bench: deps ## what a packet costs beside asking the maps each time; memory of trafficd
	@+$(MAKE) --no-print-directory all $(B)/obj/tests/bench/bench
	@$(B)/obj/tests/bench/bench
