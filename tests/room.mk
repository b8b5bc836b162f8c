# tests: each kind knows its own files and how it is run; T=name goes to each as the filter of cmocka.
ifneq ($(T),)
export T
else
unexport T
endif
# $(call beside,PROGRAMS): test programs beside each other, one for each CPU, begun in this order. Each one's output comes
# whole at its end, as tests/tally reads it. For programs that change nothing that others of them see.
beside = $(MAKE) --no-print-directory --keep-going --output-sync --jobs="$$(nproc)" $(1:%=%.run)
%.run: %
	@$<

# The real Prometheus, for tests alone.
$(B)/prometheus/promtool:
	@tests/get-prometheus $(@D)
check-programs: $(B)/prometheus/promtool

-include tests/harness/room.mk tests/unit/room.mk tests/prog/room.mk tests/e2e/room.mk
-include tests/fuzz/room.mk tests/bench/room.mk
SCRIPTS += .ci/run tests/tally tests/compile-commands tests/check-netd-cases tests/check-rules tests/check-library \
    tests/get-prometheus

check-cases:
	@tests/check-netd-cases

check-rules:
	@tests/check-rules

check-library: $(LIBRARIES)
	@tests/check-library $(B)

.PHONY: check-cases check-rules check-library check-unit check-prog check-e2e bench fuzz
