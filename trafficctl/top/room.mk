# top: the command top, a program of its own that trafficctl runs. Sees what cli shares, the public header and ncurses.
TOP_SEES := -Itrafficctl/include -Itrafficctl/top -Itrafficctl/cli -Itrafficctl/base -DNCURSES_WIDECHAR
$(eval $(call objects,TOP,$(wildcard trafficctl/top/*.c),$(TOP_SEES)))
PROGRAMS += $(B)/trafficctl-top

$(B)/trafficctl-top: $(TOP_OBJ) $(CLI_SHARED:%=$(B)/obj/%) $(BASE_OBJ) $(B)/libtrafficctl.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -ljansson -lncursesw $(LIB_LIBS) -lpthread -o $@
