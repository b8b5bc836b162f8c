# e2e: real traffic through the real programs. Each test_*.c is a program; the other files are linked into all of them.
$(eval $(call objects,E2E,$(filter-out tests/e2e/example_%,$(wildcard tests/e2e/*.c)),$(HARNESS_SEES) -Itests/e2e))
E2E_TESTS := $(patsubst tests/e2e/%.c,$(B)/obj/tests/e2e/%,$(wildcard tests/e2e/test_*.c))
E2E_SHARED := $(filter-out $(B)/obj/tests/e2e/test_%.o,$(E2E_OBJ))

$(E2E_TESTS): %: %.o $(E2E_SHARED) $(HARNESS_OBJ) $(BASE_OBJ) $(B)/libtrafficctl.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka -ljansson $(LIB_LIBS) -lpthread -o $@

# The program that the README shows, as users build it: one header, one library of either kind.
$(eval $(call objects,EXAMPLE,tests/e2e/example_tag.c,-Itrafficctl/include))
EXAMPLES := $(B)/example_tag $(B)/example_tag_static
$(B)/example_tag: $(EXAMPLE_OBJ) $(B)/libtrafficctl-tag.so.0
	$(CC) $(CFLAGS) $(LDFLAGS) $< -L$(B) -ltrafficctl-tag -Wl,-rpath,$(abspath $(B)) -o $@
$(B)/example_tag_static: $(EXAMPLE_OBJ) $(B)/libtrafficctl-tag.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@

# Beside each other: those that hunt no race, besiege nobody and wait for no deadline.
E2E_BESIDE := $(patsubst %,$(B)/obj/tests/e2e/test_%,cli cli_firewall cli_policy cli_tag dump exact exact_more \
    exact_tun exceptions firewall_owners firewall_restart firewall_sockets fwmarkd_container fwmarkd_restart fwmarkd_tags \
    fwmarkd_userns iface_links interfaces manners many monitoring names netfilter netfilter_ways no_btf owner qtaguid readers refusals \
    top upgrade userns verify verify_links world)
check-e2e: $(E2E_TESTS) $(EXAMPLES) $(PROGRAMS) $(B)/prometheus/promtool ## end-to-end tests (root); T=name for one
	@failed=0; $(call beside,$(E2E_BESIDE)) || failed=1; \
	    for t in $(filter-out $(E2E_BESIDE),$(E2E_TESTS)); do $$t || failed=1; done; exit $$failed
