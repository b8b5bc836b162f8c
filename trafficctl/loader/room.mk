# loader: the privileged part. Sees lib, base, nft, netfilter, the ABI and the skeletons.
LOADER_SEES := -Itrafficctl/include -Itrafficctl/loader -Itrafficctl/lib -Itrafficctl/base -Itrafficctl/nft -Inetfilter -Ibpf
LOADER_SEES += -isystem $(B)/bpf
$(eval $(call objects,LOADER,$(wildcard trafficctl/loader/*.c),$(LOADER_SEES),$(BPF_SKELETON) $(MOVE_SKELETON)))
# What links the loader links what it stands on.
LOADER_OBJ += $(NETFILTER_OBJ)
LOADER_SAN += $(NETFILTER_SAN)
LOADER_LIBS := $(LIB_LIBS)
