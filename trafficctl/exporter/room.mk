# exporter: the command exporter, a program of its own that trafficctl runs. Sees what cli shares and the public headers;
# libevent's HTTP is known here alone.
EXPORTER_SEES := -Itrafficctl/include -Itrafficctl/exporter -Itrafficctl/cli -Itrafficctl/base
$(eval $(call objects,EXPORTER,$(wildcard trafficctl/exporter/*.c),$(EXPORTER_SEES)))
PROGRAMS += $(B)/trafficctl-exporter

$(B)/trafficctl-exporter: $(EXPORTER_OBJ) $(CLI_SHARED:%=$(B)/obj/%) $(BASE_OBJ) $(B)/libtrafficctl.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -levent_core -levent_extra -ljansson $(LIB_LIBS) -lpthread -o $@
