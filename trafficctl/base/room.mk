# base: tools without opinions. Sees nothing but libc.
$(eval $(call objects,BASE,$(wildcard trafficctl/base/*.c),-fPIC -Itrafficctl/base))
