# e2e: real traffic through the real programs. Each test_*.c is a program; the other files are linked into all of them.
$(eval $(call objects,E2E,$(wildcard tests/e2e/*.c),$(HARNESS_SEES) -Itests/e2e))
E2E_TESTS := $(patsubst tests/e2e/%.c,$(B)/obj/tests/e2e/%,$(wildcard tests/e2e/test_*.c))
E2E_SHARED := $(filter-out $(B)/obj/tests/e2e/test_%.o,$(E2E_OBJ))

$(E2E_TESTS): %: %.o $(E2E_SHARED) $(HARNESS_OBJ) $(BASE_OBJ) $(B)/libtrafficctl.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka -ljansson $(LIB_LIBS) -lpthread -o $@

# The examples, of what is installed and by the line that each has for its readers, with libraries of either kind.
STAGE := $(abspath $(B))/stage
EXAMPLES_SHARED := $(patsubst trafficctl/examples/%.c,$(B)/examples/%,$(wildcard trafficctl/examples/*.c))
EXAMPLES_STATIC := $(EXAMPLES_SHARED:%=%_static)
BUILD_EXAMPLE := CC="$(CC)" trafficctl/examples/build
SCRIPTS += trafficctl/examples/build

$(STAGE)/installed: $(PROGRAMS) $(LIBRARIES) $(COMPLETIONS) $(LIB_HEADERS) bpf/traffic_abi.h config/room.mk
	rm -rf $(STAGE)
	@+$(MAKE) --no-print-directory install DESTDIR=$(STAGE) PREFIX=/usr
	touch $@
$(EXAMPLES_SHARED): $(B)/examples/%: trafficctl/examples/%.c $(STAGE)/installed trafficctl/examples/build
	$(BUILD_EXAMPLE) $< $@ $(STAGE) /usr
$(EXAMPLES_STATIC): $(B)/examples/%_static: trafficctl/examples/%.c $(STAGE)/installed trafficctl/examples/build
	$(BUILD_EXAMPLE) $< $@ $(STAGE) /usr static
EXAMPLES := $(EXAMPLES_SHARED) $(EXAMPLES_STATIC)

# Beside each other: those that hunt no race, besiege nobody and wait for no deadline.
E2E_BESIDE := $(patsubst %,$(B)/obj/tests/e2e/test_%,cli cli_firewall cli_policy cli_tag dump examples exact exact_more \
    exact_tun exceptions firewall_owners firewall_restart firewall_sockets fwmarkd_container fwmarkd_restart fwmarkd_tags \
    fwmarkd_userns iface_links interfaces manners many monitoring names netfilter netfilter_ways no_btf owner plain_users \
    prometheus qtaguid readers refusals top upgrade userns verify verify_links world)
check-e2e: $(E2E_TESTS) $(EXAMPLES) $(PROGRAMS) $(B)/prometheus/promtool ## end-to-end tests (root); T=name for one
	@failed=0; $(call beside,$(E2E_BESIDE)) || failed=1; \
	    for t in $(filter-out $(E2E_BESIDE),$(E2E_TESTS)); do $$t || failed=1; done; exit $$failed
