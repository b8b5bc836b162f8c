# cli: trafficctl. A customer of the public headers of both libraries; of the loader only to check and to unload.
CLI_SEES := -Itrafficctl/include -Itrafficctl/cli -Itrafficctl/loader -Itrafficctl/base
CLI_SEES += -DTRAFFICCTL_PARTS='"$(PREFIX)/libexec/trafficctl"'
$(eval $(call objects,CLI,$(wildcard trafficctl/cli/*.c),$(CLI_SEES)))
PROGRAMS += $(B)/trafficctl

# What programs that run one command of trafficctl's share with it: options, how they fail, values as text.
CLI_SHARED := $(patsubst %,trafficctl/cli/%.o,cli commands counters format general help print table user_names \
    words)

# A table waits for each name; who goes on meanwhile asks by user_names.
$(B)/trafficctl: $(filter-out %/user_names.o,$(CLI_OBJ)) $(LOADER_OBJ) $(LIB_INSIDE) $(B)/libtrafficctl-tag.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -ljansson $(LOADER_LIBS) -o $@
