# lib: what any peer may do at the maps. Sees base, its public face and the ABI; libmnl for sock_diag.
LIB_SEES := -Itrafficctl/include -Itrafficctl/lib -Itrafficctl/base -Ibpf
$(eval $(call objects,LIB,$(wildcard trafficctl/lib/*.c),$(LIB_SEES)))
LIB_LIBS := -lbpf -lelf -lz -lmnl
LIBRARIES += $(B)/libtrafficctl.a

$(B)/libtrafficctl.a: $(LIB_OBJ) $(BASE_OBJ)
	rm -f $@
	$(AR) rcs $@ $^
