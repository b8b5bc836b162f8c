# top: the command top, a program of its own that trafficctl runs. Sees what cli shares and the public header.
TOP_SEES := -Itrafficctl/include -Itrafficctl/top -Itrafficctl/cli -Itrafficctl/base
$(eval $(call objects,TOP,$(wildcard trafficctl/top/*.c),$(TOP_SEES)))
PROGRAMS += $(B)/trafficctl-top

$(B)/trafficctl-top: $(TOP_OBJ) $(CLI_SHARED:%=$(B)/obj/%) $(BASE_OBJ) $(B)/libtrafficctl.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -ljansson $(LIB_LIBS) -o $@
