# harness: worlds for the end-to-end tests. Sees the library's public face, base and the ABI.
HARNESS_SEES := -Itrafficctl/include -Itests/harness -Itrafficctl/base -Ibpf -DTCTL_BUILD='"$(abspath $(B))"'
$(eval $(call objects,HARNESS,$(wildcard tests/harness/*.c),$(HARNESS_SEES)))
