# fuzz: parsers of foreign bytes, by libFuzzer (clang). fuzz_NAME.c names its sources below and starts from corpus/NAME;
# what a run finds goes to build/fuzz. FUZZ_SECONDS each.
FUZZ_SECONDS ?= 30
FUZZ_SEES := -Itrafficctl/include -Itrafficctl/daemon -Itrafficctl/loader -Itrafficctl/lib -Itrafficctl/base -Ibpf
FUZZ_SEES += -Itrafficctl/tag -Inetfilter -Itrafficctl/nft -Itrafficctl/exporter
FUZZ_SANITIZE := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_PROGRAMS := $(FUZZERS:%=$(B)/fuzz/fuzz_%)

# $(call fuzzed,SOURCES): their objects
fuzzed = $(patsubst %.c,$(B)/fuzz/obj/%.o,$(1))

$(B)/fuzz/fuzz_config: $(call fuzzed,$(addprefix trafficctl/daemon/,config.c settings.c kind.c login_defs.c) \
    trafficctl/loader/options.c $(patsubst %,trafficctl/lib/%.c,locks pins ways) $(wildcard trafficctl/base/*.c))
$(B)/fuzz/fuzz_policy: $(call fuzzed,$(patsubst %,trafficctl/lib/%.c,policy policy_text chains pins locks) \
    $(wildcard trafficctl/base/*.c))
$(B)/fuzz/fuzz_links: $(call fuzzed,trafficctl/daemon/link_events.c $(patsubst %,trafficctl/lib/%.c,link_list iface_names \
    iface_names_fold iface_rows gather generation grace hot hot_change locks pins read stats window) trafficctl/base/fd.c)
$(B)/fuzz/fuzz_request: $(call fuzzed,trafficctl/daemon/request.c)
$(B)/fuzz/fuzz_accept: $(call fuzzed,trafficctl/exporter/negotiate.c)
$(B)/fuzz/fuzz_legacy: $(call fuzzed,$(patsubst %,netfilter/legacy_%.c,entries place text))
FUZZ_COUNTS := $(patsubst %,trafficctl/nft/%.c,block counts ifnames ledger)
$(B)/fuzz/fuzz_nft_snapshot: $(call fuzzed,trafficctl/nft/snapshot.c trafficctl/base/fd.c $(FUZZ_COUNTS))
$(B)/fuzz/fuzz_nft_base: $(call fuzzed,trafficctl/nft/base.c trafficctl/nft/base_file.c $(FUZZ_COUNTS) \
    $(patsubst %,trafficctl/base/%.c,fault fd))

$(B)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS) $(FUZZ_SANITIZE) -MMD -MP $(FUZZ_SEES) -c $< -o $@
-include $(wildcard $(B)/fuzz/obj/*/*/*.d)

$(FUZZ_PROGRAMS): $(B)/fuzz/%: $(B)/fuzz/obj/tests/fuzz/%.o
	$(CLANG) $(CFLAGS) $(FUZZ_SANITIZE) $^ -linih $(LIB_LIBS) -o $@

fuzz: ## fuzz every parser; FUZZ_SECONDS=30 for each
	@config/install-deps fuzz
	@+$(MAKE) --no-print-directory $(FUZZ_PROGRAMS)
	@set -e; for f in $(FUZZERS); do mkdir -p $(B)/fuzz/found/$$f; \
	    $(B)/fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -print_final_stats=1 \
	    -artifact_prefix=$(B)/fuzz/$$f- $(B)/fuzz/found/$$f tests/fuzz/corpus/$$f; done
