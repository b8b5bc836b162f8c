# netfilter: where the interface programs run. Sees nft, lib's pins, base and the ABI.
NETFILTER_SEES := -Inetfilter -Itrafficctl/nft -Itrafficctl/lib -Itrafficctl/base -Ibpf
$(eval $(call objects,NETFILTER,$(wildcard netfilter/*.c),$(NETFILTER_SEES)))
