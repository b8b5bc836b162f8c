# fuzz: parsers of foreign bytes, by libFuzzer (clang). fuzz_NAME.c names its sources below and starts from corpus/NAME;
# what a run finds goes to build/fuzz. FUZZ_SECONDS each.
FUZZ_SECONDS ?= 30
FUZZ_SEES := -Itrafficctl/include -Itrafficctl/daemon -Itrafficctl/loader -Itrafficctl/lib -Itrafficctl/base -Ibpf
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

FUZZ_CONFIG := $(addprefix trafficctl/daemon/,config.c settings.c kind.c login_defs.c) trafficctl/loader/options.c
$(B)/fuzz/fuzz_config: $(FUZZ_CONFIG) $(wildcard trafficctl/lib/*.c trafficctl/base/*.c)

$(FUZZERS:%=$(B)/fuzz/fuzz_%): $(B)/fuzz/%: tests/fuzz/%.c $(wildcard trafficctl/*/*.h bpf/*.h)
	@mkdir -p $(@D)
	$(CLANG) -g -O1 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-missing-field-initializers \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(FUZZ_SEES) $(filter %.c,$^) -linih -lbpf -o $@

fuzz: ## fuzz every parser; FUZZ_SECONDS=30 for each
	@config/install-deps fuzz
	@+$(MAKE) --no-print-directory $(FUZZERS:%=$(B)/fuzz/fuzz_%)
	@set -e; for f in $(FUZZERS); do mkdir -p $(B)/fuzz/found/$$f; \
	    $(B)/fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -print_final_stats=1 \
	    -artifact_prefix=$(B)/fuzz/$$f- $(B)/fuzz/found/$$f tests/fuzz/corpus/$$f; done
