# loader: the privileged part. Sees lib, base, the ABI and the skeleton.
LOADER_SEES := -Itrafficctl/include -Itrafficctl/loader -Itrafficctl/lib -Itrafficctl/base -Ibpf -isystem $(B)/bpf
$(eval $(call objects,LOADER,$(wildcard trafficctl/loader/*.c),$(LOADER_SEES),$(BPF_SKELETON)))
