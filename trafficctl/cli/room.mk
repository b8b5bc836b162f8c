# cli: trafficctl. A customer of the public headers of both libraries; of the loader only to check and to unload.
CLI_SEES := -Itrafficctl/include -Itrafficctl/cli -Itrafficctl/loader -Itrafficctl/base
$(eval $(call objects,CLI,$(wildcard trafficctl/cli/*.c),$(CLI_SEES)))
PROGRAMS += $(B)/trafficctl

$(B)/trafficctl: $(CLI_OBJ) $(LOADER_OBJ) $(B)/libtrafficctl.a $(B)/libtrafficctl-tag.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -ljansson $(LOADER_LIBS) -o $@
