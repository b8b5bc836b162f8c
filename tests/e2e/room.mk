# e2e: real traffic through the real programs. Each test_*.c is a program; the other files are linked into all of them.
$(eval $(call objects,E2E,$(wildcard tests/e2e/*.c),$(HARNESS_SEES) -Itests/e2e))
E2E_TESTS := $(patsubst tests/e2e/%.c,$(B)/obj/tests/e2e/%,$(wildcard tests/e2e/test_*.c))
E2E_SHARED := $(filter-out $(B)/obj/tests/e2e/test_%.o,$(E2E_OBJ))

$(E2E_TESTS): %: %.o $(E2E_SHARED) $(HARNESS_OBJ) $(BASE_OBJ) $(B)/libtrafficctl.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka -ljansson $(LIB_LIBS) -lpthread -o $@

$(B)/obj/tests/e2e/test_nft_tags: $(B)/libtrafficctl-tag.a

# The examples, of what is installed and by the line that each has for its readers, with libraries of either kind.
STAGE := $(abspath $(B))/stage
EXAMPLES_SHARED := $(patsubst trafficctl/examples/%.c,$(B)/examples/%,$(wildcard trafficctl/examples/*.c))
EXAMPLES_STATIC := $(EXAMPLES_SHARED:%=%_static)
BUILD_EXAMPLE := CC="$(CC)" trafficctl/examples/build
SCRIPTS += trafficctl/examples/build

$(STAGE)/installed: $(PROGRAMS) $(LIBRARIES) $(COMPLETIONS) $(wildcard trafficctl/include/trafficctl/*.h config/*.pc.in) \
    bpf/traffic_abi.h config/room.mk
	rm -rf $(STAGE)
	@+$(MAKE) --no-print-directory install DESTDIR=$(STAGE) PREFIX=/usr
	touch $@
$(EXAMPLES_SHARED): $(B)/examples/%: trafficctl/examples/%.c $(STAGE)/installed trafficctl/examples/build
	$(BUILD_EXAMPLE) $< $@ $(STAGE) /usr
$(EXAMPLES_STATIC): $(B)/examples/%_static: trafficctl/examples/%.c $(STAGE)/installed trafficctl/examples/build
	$(BUILD_EXAMPLE) $< $@ $(STAGE) /usr static
EXAMPLES := $(EXAMPLES_SHARED) $(EXAMPLES_STATIC)

# Alone: those that hunt races or besiege somebody. Those that promise something within a moment have only each other
# beside them: they wait more than they work. All others run beside each other; those that take long first.
e2e = $(1:%=$(B)/obj/tests/e2e/test_%)
E2E_ALONE := $(call e2e,exporter exporter_many firewall_certain fwmarkd_delete hostile_descriptors hostile_files \
    hostile_scarce hostile_slow races tag_churn)
E2E_PROMPT := $(call e2e,tag_end repair restart chains monitor firewall tags why nft_flush)
E2E_LONG := $(call e2e,netfilter verify nft_daemon firewall_restart fwmarkd_restart upgrade netfilter_ways fwmarkd names \
    exact top)
E2E_OTHERS := $(filter-out $(E2E_LONG) $(E2E_PROMPT) $(E2E_ALONE),$(E2E_TESTS))
check-e2e: $(E2E_TESTS) $(EXAMPLES) $(PROGRAMS) $(B)/prometheus/promtool ## end-to-end tests (root); T=name for one
	@failed=0; $(call beside,$(E2E_LONG) $(E2E_OTHERS)) || failed=1; $(call beside,$(E2E_PROMPT)) || failed=1; \
	    for t in $(E2E_ALONE); do $$t || failed=1; done; exit $$failed
