# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# Targets only; each room's room.mk knows its files.
VERSION := 0.8.0
B := build
PREFIX ?= /usr
DESTDIR ?=
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-missing-field-initializers
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -D_GNU_SOURCE $(WARN) -fvisibility=hidden -DTRAFFICCTL_VERSION='"$(VERSION)"'
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

all:

# $(call objects,ROOM,SOURCES,INCLUDES): compile SOURCES of ROOM with only the include paths it may see,
# once as it is shipped and once with sanitizers for the unit tests.
define objects
$(1)_OBJ := $$(patsubst %.c,$(B)/obj/%.o,$(2))
$(1)_SAN := $$(patsubst %.c,$(B)/san/%.o,$(2))
$$($(1)_OBJ): $(B)/obj/%.o: %.c $(4)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) -MMD -MP $(3) -c $$< -o $$@
$$($(1)_SAN): $(B)/san/%.o: %.c $(4)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(SANITIZE) -MMD -MP $(3) -c $$< -o $$@
-include $$($(1)_OBJ:.o=.d) $$($(1)_SAN:.o=.d)
endef

include bpf/room.mk trafficctl/base/room.mk trafficctl/nft/room.mk trafficctl/lib/room.mk netfilter/room.mk
include trafficctl/loader/room.mk trafficctl/tag/room.mk trafficctl/daemon/room.mk trafficctl/cli/room.mk
include trafficctl/top/room.mk trafficctl/exporter/room.mk trafficctl/completion/room.mk
include tests/room.mk config/room.mk

all: $(PROGRAMS) $(LIBRARIES) $(COMPLETIONS) ## build everything (as any user; needs what `make deps` installs)
	@:

deps: ## install what building, running and testing needs (Debian; elsewhere it lists the parts)
	@config/install-deps

# A fresh machine has no compiler when make reads this file: make is called anew once it has.
run: deps ## count on this machine and show a live table; FOR=seconds, CGROUP=dir, BPFFS=dir
	@+$(MAKE) --no-print-directory all
	@config/run-live

CHECKS := $(if $(T),,check-cases check-rules check-library) check-unit check-prog check-e2e
check: deps ## all tests, fast ones first; T=name for one test
	@+tests/tally $(MAKE) $(CHECKS)

# Nothing is compiled while a test runs, and on all CPUs before.
check-programs: all $(UNIT_TESTS) $(PROG_TESTS) $(E2E_TESTS) $(EXAMPLES)

SOURCES := $(filter-out $(B)/%,$(wildcard */*.[ch] */*/*.[ch] */*/*/*.[ch]))
lint: all $(BENCH_SKELETON) compile_commands.json ## clang-tidy, shellcheck, clang-format, man
	@config/install-deps lint
	clang-tidy --quiet --warnings-as-errors='*' -p . $(filter-out %/raw.c,$(filter %.c,$(SOURCES)))
	shellcheck --severity=warning $(SCRIPTS) $(filter %.bash,$(COMPLETIONS))
	clang-format --dry-run -Werror $(SOURCES)
	@! for page in $(MANUALS); do MANWIDTH=80 man --warnings -l $$page 2>&1 >/dev/null; done | grep .

format: ## put every source into the shape of .clang-format
	clang-format -i $(SOURCES)

# What make would run says how each file is compiled: no other tool is needed.
compile_commands.json: ## for editors and clang-tidy
	@$(MAKE) -Bnk --no-print-directory check-programs fuzz $(BENCH_PROGRAM) | tests/compile-commands > $@

clean: ## remove what was built
	rm -rf $(B) compile_commands.json
# "make -j8 clean all": first the one, then the other.
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9_.-]+:.*## /{printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all deps run check check-programs lint format clean help compile_commands.json
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
