# The programs in the kernel: one object, one skeleton. UAPI headers only; no running kernel is asked.
BPF_OBJECT := $(B)/bpf/traffic.bpf.o
BPF_SKELETON := $(B)/bpf/traffic.skel.h

$(BPF_OBJECT): bpf/traffic.bpf.c $(wildcard bpf/*.h) bpf/room.mk
	@mkdir -p $(@D)
	$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	    $(addprefix -I/usr/include/,$(MULTIARCH)) -Ibpf -c $< -o $@

$(BPF_SKELETON): $(BPF_OBJECT)
	$(BPFTOOL) gen skeleton $< name traffic > $@
