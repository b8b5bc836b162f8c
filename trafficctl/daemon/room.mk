# daemon: trafficd. Sees the loader's and the library's headers, the wire format of tag, libevent, libinih and libmnl.
DAEMON_SEES := -Itrafficctl/include -Itrafficctl/daemon -Itrafficctl/loader -Itrafficctl/lib -Itrafficctl/base
DAEMON_SEES += -Itrafficctl/tag -Ibpf
$(eval $(call objects,DAEMON,$(wildcard trafficctl/daemon/*.c),$(DAEMON_SEES)))
PROGRAMS += $(B)/trafficd

$(B)/trafficd: $(DAEMON_OBJ) $(LOADER_OBJ) $(LIB_INSIDE)
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -linih -levent_core $(LOADER_LIBS) -o $@
