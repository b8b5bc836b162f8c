# tag: libtrafficctl-tag, a client of fwmarkd. Sees its public face and the wire format; needs libc alone.
$(eval $(call objects,TAG,$(wildcard trafficctl/tag/*.c),-fPIC -Itrafficctl/include -Itrafficctl/tag))
TAG_EXPORTS := trafficctl/tag/libtrafficctl-tag.map
TAG_SHARED := libtrafficctl-tag.so.0
LIBRARIES += $(B)/libtrafficctl-tag.a $(B)/$(TAG_SHARED)

$(B)/libtrafficctl-tag.a: $(TAG_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/$(TAG_SHARED): $(TAG_OBJ) $(TAG_EXPORTS) trafficctl/include/trafficctl/tag.h $(CHECK_EXPORTS)
	CC="$(CC)" NM="$(NM)" $(CHECK_EXPORTS) $(TAG_EXPORTS) $(TAG_OBJ) trafficctl/include/trafficctl/tag.h
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,defs -Wl,-soname,$(TAG_SHARED) -Wl,--version-script=$(TAG_EXPORTS) \
	    -Wl,--no-undefined-version $(TAG_OBJ) -o $@
	ln -sf $(TAG_SHARED) $(@:.0=)
