# lib: what any peer may do at the maps. Sees base, its public face and the ABI; libmnl for sock_diag.
LIB_SEES := -Itrafficctl/include -Itrafficctl/lib -Itrafficctl/base -Ibpf
$(eval $(call objects,LIB,$(wildcard trafficctl/lib/*.c),-fPIC $(LIB_SEES)))
LIB_LIBS := $(NFT_LIBS) -lbpf -lelf -lz -lmnl
NM ?= nm
OBJCOPY ?= objcopy

# For the rooms that look behind the public face: all of lib and base, and the backends that lib asks.
LIB_INSIDE := $(B)/obj/libtrafficctl-inside.a
$(LIB_INSIDE): $(LIB_OBJ) $(NFT_OBJ) $(BASE_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

# $(call exported,MAP): the functions that a version script exports.
exported = $(shell sed -n 's/^ *\(tctl_.*\);$$/\1/p' $(1))
CHECK_EXPORTS := trafficctl/lib/check-exports
SCRIPTS += $(CHECK_EXPORTS)

# For everybody else: what the exported functions need, as one object whose other names no program can meet.
LIB_EXPORTS := trafficctl/lib/libtrafficctl.map
LIB_SHARED := libtrafficctl.so.0
LIB_PUBLIC := $(B)/obj/libtrafficctl.o
LIB_HEADERS := $(filter-out %/tag.h,$(wildcard trafficctl/include/trafficctl/*.h))
LIBRARIES += $(B)/libtrafficctl.a $(B)/$(LIB_SHARED)

$(LIB_PUBLIC): $(LIB_INSIDE) $(LIB_EXPORTS) $(LIB_HEADERS) $(CHECK_EXPORTS)
	$(CC) $(CFLAGS) -r -nostdlib $(patsubst %,-u %,$(call exported,$(LIB_EXPORTS))) $(LIB_INSIDE) -o $@
	$(OBJCOPY) --localize-hidden $@
	CC="$(CC)" NM="$(NM)" $(CHECK_EXPORTS) $(LIB_EXPORTS) $@ $(LIB_HEADERS)

$(B)/libtrafficctl.a: $(LIB_PUBLIC)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/$(LIB_SHARED): $(LIB_PUBLIC) $(LIB_EXPORTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,defs -Wl,-soname,$(LIB_SHARED) -Wl,--version-script=$(LIB_EXPORTS) \
	    -Wl,--no-undefined-version -Wl,--as-needed $(LIB_PUBLIC) $(LIB_LIBS) -o $@
	ln -sf $(LIB_SHARED) $(@:.0=)
