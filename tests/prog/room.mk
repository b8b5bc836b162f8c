# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# prog: the real programs and maps, loaded by the loader. Each test_*.c is a program; the other files are linked into all.
PROG_SEES := -Itrafficctl/include -Itests/prog -Itests/harness -Inetfilter -Itrafficctl/nft -Itrafficctl/daemon -Itrafficctl/loader -Itrafficctl/lib -Itrafficctl/base -Ibpf
PROG_SEES += -isystem $(B)/bpf -DTCTL_BUILD='"$(abspath $(B))"'
$(eval $(call objects,PROG,$(wildcard tests/prog/*.c),$(PROG_SEES),$(BPF_SKELETON)))
PROG_TESTS := $(patsubst tests/prog/%.c,$(B)/obj/tests/prog/%,$(wildcard tests/prog/test_*.c))
PROG_SHARED := $(filter-out $(B)/obj/tests/prog/test_%.o $(patsubst %,$(B)/obj/tests/prog/%.o,links router),$(PROG_OBJ)) $(B)/obj/tests/harness/denial.o

$(PROG_TESTS): %: %.o $(PROG_SHARED) $(LOADER_OBJ) $(LIB_INSIDE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) -lcmocka -levent_core $(LOADER_LIBS) -lpthread -o $@

# These have a world of namespaces and a wire, as the end-to-end tests.
$(patsubst %,$(B)/obj/tests/prog/test_%,netfilter_link netfilter_parts): $(B)/obj/tests/prog/links.o $(B)/obj/tests/prog/router.o \
    $(HARNESS_OBJ)
$(B)/obj/tests/prog/test_verdict_table: $(patsubst %,$(B)/obj/tests/harness/%.o,verdicts verdict_packet verdict_rows)
$(patsubst %,$(B)/obj/tests/prog/test_%,nft_status probe): | $(B)/trafficctl
$(B)/obj/tests/prog/test_readings: $(B)/obj/trafficctl/daemon/readings.o

# Alone: those that foretell the cookie of a socket, keep time, have six starts wait for one lock, or hunt races that
# need every CPU. All others run beside each other; those that take long first.
prog = $(1:%=$(B)/obj/tests/prog/test_%)
PROG_ALONE := $(call prog,accounting delete_tag_races deletion_window firewall_reuse loader packets verdicts)
PROG_LONG := $(call prog,grow restore netfilter_parts verdict_table grow_peers interfaces netfilter_link firewall_killed \
    loader_faults iterators)
PROG_OTHERS := $(filter-out $(PROG_LONG) $(PROG_ALONE),$(PROG_TESTS))
check-prog: $(PROG_TESTS) ## the programs and the loader in the running kernel (root); T=name for one
	@failed=0; $(call beside,$(PROG_LONG) $(PROG_OTHERS)) || failed=1; \
	    for t in $(PROG_ALONE); do $$t || failed=1; done; exit $$failed
