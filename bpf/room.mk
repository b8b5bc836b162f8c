# The programs in the kernel: two objects, a skeleton of each. UAPI headers only; no running kernel is asked.
BPF_OBJECTS := $(B)/bpf/traffic.bpf.o $(B)/bpf/link.bpf.o
BPF_SKELETON := $(BPF_OBJECTS:.bpf.o=.skel.h)

$(BPF_OBJECTS): $(B)/%.bpf.o: %.bpf.c $(wildcard bpf/*.h) bpf/room.mk
	@mkdir -p $(@D)
	$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	    $(addprefix -I/usr/include/,$(MULTIARCH)) -Ibpf -c $< -o $@

$(B)/bpf/traffic.skel.h: $(B)/bpf/traffic.bpf.o
	$(BPFTOOL) gen skeleton $< name traffic > $@

$(B)/bpf/link.skel.h: $(B)/bpf/link.bpf.o
	$(BPFTOOL) gen skeleton $< name link_programs > $@

# Counters to larger maps: only loaded when maps grow.
MOVE_SKELETON := $(B)/bpf/move.skel.h
$(B)/bpf/move.bpf.o: bpf/move.bpf.c $(wildcard bpf/*.h) bpf/room.mk
	@mkdir -p $(@D)
	$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	    $(addprefix -I/usr/include/,$(MULTIARCH)) -Ibpf -c $< -o $@

$(MOVE_SKELETON): $(B)/bpf/move.bpf.o
	$(BPFTOOL) gen skeleton $< name move_object > $@
