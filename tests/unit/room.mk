# unit: no root, no kernel parts, with sanitizers. Each test_*.c is a program of its own and may see every room.
# A test of a room other than base and lib names the objects it needs: "$(B)/san/tests/unit/test_x: $(B)/san/…/x.o".
UNIT_SEES := -Itrafficctl/include -Itests/unit -Itrafficctl/daemon -Itrafficctl/loader -Itrafficctl/cli -Itrafficctl/top
UNIT_SEES += -Inetfilter -Itrafficctl/nft -Itrafficctl/tag -Itrafficctl/lib -Itrafficctl/base -Ibpf -Itests/harness -Itrafficctl/exporter
UNIT_SEES += -Itrafficctl/completion -Itests/bench -DTCTL_BUILD='"$(abspath $(B))"'
$(eval $(call objects,UNIT,$(wildcard tests/unit/*.c),$(UNIT_SEES)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/san/tests/unit/%,$(wildcard tests/unit/test_*.c))

$(UNIT_TESTS): %: %.o $(LIB_SAN) $(NFT_SAN) $(BASE_SAN)
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) $^ -lcmocka -linih -ljansson -levent_core -levent_extra $(LOADER_LIBS) -o $@

CONFIG_SAN := $(patsubst %,$(B)/san/trafficctl/%.o,daemon/config daemon/settings daemon/kind daemon/login_defs \
    loader/options)
$(B)/san/tests/unit/test_config: $(CONFIG_SAN)
$(B)/san/tests/unit/test_options: $(CONFIG_SAN) $(B)/san/trafficctl/daemon/options.o
$(B)/san/tests/unit/test_reload: $(CONFIG_SAN) $(patsubst %,$(B)/san/trafficctl/daemon/%.o,options reload)
$(B)/san/tests/unit/test_request: $(B)/san/trafficctl/daemon/request.o
$(B)/san/tests/unit/test_waiting: $(patsubst %,$(B)/san/trafficctl/daemon/%.o,waiting turns)
$(B)/san/tests/unit/test_kept: $(B)/san/trafficctl/daemon/kept.o
$(B)/san/tests/unit/test_listener: $(B)/san/trafficctl/daemon/listener.o
$(B)/san/tests/unit/test_nudge: $(B)/san/trafficctl/daemon/nudge.o
$(B)/san/tests/unit/test_diag: $(patsubst %,$(B)/san/trafficctl/daemon/%.o,diag resync)
$(patsubst %,$(B)/san/tests/unit/test_top_%,cells users view): $(patsubst %,$(B)/san/trafficctl/top/%.o,cells fit health \
    keys layout order rate selection spark users) $(patsubst %,$(B)/san/trafficctl/cli/%.o,counters format user_names)
$(patsubst %,$(B)/san/tests/unit/test_%,format commands help tagger): $(filter-out %/main.o,$(CLI_SAN)) $(LOADER_SAN) $(TAG_SAN)
$(patsubst %,$(B)/san/tests/unit/test_%,commands help): $(B)/san/tests/unit/said.o
$(B)/san/tests/unit/test_completion: $(B)/san/tests/unit/shell.o $(B)/san/trafficctl/completion/programs.o | $(COMPLETIONS)
$(B)/san/tests/unit/test_manual: $(B)/san/tests/unit/page.o
$(B)/san/tests/unit/test_nft_lacks: $(B)/san/tests/unit/page.o $(filter-out %/main.o,$(CLI_SAN)) $(LOADER_SAN) $(TAG_SAN)
$(patsubst %,$(B)/san/tests/unit/test_%,completion manual): $(COMPLETION_TABLES:%=$(B)/san/%)
$(patsubst %,$(B)/san/tests/unit/test_%,tag_client tag_client_waits): $(TAG_SAN) \
    $(patsubst %,$(B)/san/tests/unit/%.o,fwmark_server tag_client)
$(patsubst %,$(B)/san/tests/unit/test_%,policy policy_text policy_file): $(B)/san/tests/unit/policies.o
$(B)/san/tests/unit/test_firewall: $(patsubst %,$(B)/san/tests/harness/%.o,verdicts verdict_packet verdict_rows)
$(B)/san/tests/unit/test_legacy_entries: $(patsubst %,$(B)/san/netfilter/legacy_%.o,entries place text)
$(patsubst %,$(B)/san/tests/unit/test_%,exporter negotiate series): $(patsubst %,$(B)/san/trafficctl/%.o,cli/counters cli/format cli/user_names \
    $(patsubst %,exporter/%,address collect families negotiate render series text textfile))
$(B)/san/tests/unit/test_http: $(patsubst %,$(B)/san/trafficctl/exporter/%.o,address connections families http negotiate \
    replies text)
$(B)/san/tests/unit/test_report: $(B)/san/tests/bench/report.o
$(B)/san/tests/unit/test_kernel: $(patsubst %,$(B)/san/trafficctl/loader/%.o,kernel cast)
$(B)/san/tests/unit/test_nft_seen: $(patsubst %,$(B)/san/netfilter/%.o,nft_rules nft_seen)
$(B)/san/tests/unit/test_nft_elements: $(B)/san/tests/unit/policies.o
$(patsubst %,$(B)/san/tests/unit/test_nft_%,base dumps snapshot): $(B)/san/tests/unit/nft_counted.o

# Those that wait begin first, and the others run meanwhile.
UNIT_WAITS := $(patsubst %,$(B)/san/tests/unit/test_%,http tag_client_waits)
check-unit: $(UNIT_TESTS) ## unit tests (no root); T=name for one
	@$(call beside,$(UNIT_WAITS) $(filter-out $(UNIT_WAITS),$(UNIT_TESTS)))
