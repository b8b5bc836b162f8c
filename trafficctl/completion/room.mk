# completion: what bash and zsh complete, made while building by a program that reads the tables of both programs.
COMPLETION_SEES := -Itrafficctl/include -Itrafficctl/completion -Itrafficctl/cli -Itrafficctl/daemon -Itrafficctl/loader
COMPLETION_SEES += -Itrafficctl/base
$(eval $(call objects,COMPLETION,$(wildcard trafficctl/completion/*.c),$(COMPLETION_SEES)))
COMPLETES := trafficctl trafficd
COMPLETIONS := $(COMPLETES:%=$(B)/completion/%.bash) $(COMPLETES:%=$(B)/completion/_%)
COMPLETION_PROGRAM := $(B)/obj/trafficctl/completion/completion
# Where the tables are.
COMPLETION_TABLES := $(CLI_SHARED) $(patsubst %,trafficctl/daemon/%.o,options config settings kind login_defs) \
    trafficctl/loader/options.o

$(COMPLETION_PROGRAM): $(COMPLETION_OBJ) $(COMPLETION_TABLES:%=$(B)/obj/%) $(LIB_INSIDE)
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -linih -ljansson $(LIB_LIBS) -o $@

COMPLETION_ENGINE := trafficctl/completion/engine.bash
SCRIPTS += $(COMPLETION_ENGINE)

$(B)/completion/%.bash: $(COMPLETION_PROGRAM) $(COMPLETION_ENGINE)
	@mkdir -p $(@D)
	{ $< bash $* && sed 's/PROGRAM/$*/g' $(COMPLETION_ENGINE); } > $@

$(B)/completion/_%: $(COMPLETION_PROGRAM)
	@mkdir -p $(@D)
	$< zsh $* > $@
