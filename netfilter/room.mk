# netfilter: where the interface programs run. Sees lib's pins, base and the ABI; the only room that knows libnftnl.
NETFILTER_SEES := -Inetfilter -Itrafficctl/lib -Itrafficctl/base -Ibpf
$(eval $(call objects,NETFILTER,$(wildcard netfilter/*.c),$(NETFILTER_SEES)))
NETFILTER_LIBS := -lnftnl
