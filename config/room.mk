# config: what is installed beside the binaries. Units and OpenRC scripts name paths of PREFIX=/usr, which are moved
# here; manuals name none and are installed as they are.
MANUALS := config/man/trafficd.8 config/man/trafficctl.8 config/man/trafficctl.conf.5 config/man/libtrafficctl.3
MANUALS += config/man/libtrafficctl-tag.3
SCRIPTS += config/install-deps config/run-live
UNITS := config/trafficd.service config/trafficd-load.service config/trafficd-exporter.service
MOVED := sed 's,/usr/,$(PREFIX)/,g'

install: all ## install into DESTDIR below PREFIX
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(DESTDIR)$(PREFIX)/include/trafficctl \
	    $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/share/man/man3 $(DESTDIR)$(PREFIX)/share/man/man5 \
	    $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)/etc/init.d $(DESTDIR)/etc/trafficctl/trafficctl.conf.d
	install $(B)/trafficd $(DESTDIR)$(PREFIX)/sbin
	install $(B)/trafficctl $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/libexec/trafficctl
	install $(B)/trafficctl-top $(B)/trafficctl-exporter $(DESTDIR)$(PREFIX)/libexec/trafficctl
	install -m 644 $(LIBRARIES) $(DESTDIR)$(PREFIX)/lib
	set -e; for shared in $(LIB_SHARED) $(TAG_SHARED); do ln -sf $$shared $(DESTDIR)$(PREFIX)/lib/$${shared%.0}; done
	set -e; for pc in trafficctl.pc trafficctl-tag.pc; do sed 's,@PREFIX@,$(PREFIX),; s,@VERSION@,$(VERSION),' \
	    config/$$pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/$$pc; done
	install -m 644 trafficctl/include/trafficctl/*.h bpf/traffic_abi.h $(DESTDIR)$(PREFIX)/include/trafficctl
	set -e; for unit in $(UNITS); do $(MOVED) $$unit > $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}; done
	set -e; for service in trafficd trafficd-exporter; do \
	    $(MOVED) config/$$service.openrc > $(DESTDIR)/etc/init.d/$$service; chmod 755 $(DESTDIR)/etc/init.d/$$service; done
	install -d $(DESTDIR)$(PREFIX)/share/trafficctl/monitoring
	install -m 644 config/monitoring/* $(DESTDIR)$(PREFIX)/share/trafficctl/monitoring
	install -m 644 config/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/trafficctl.conf
	install -m 644 config/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/trafficctl.conf
	install -m 644 $(filter %.3,$(MANUALS)) $(DESTDIR)$(PREFIX)/share/man/man3
	set -e; for name in $(call exported,$(LIB_EXPORTS)); do \
	    ln -sf libtrafficctl.3 $(DESTDIR)$(PREFIX)/share/man/man3/$$name.3; done
	set -e; for name in $(call exported,$(TAG_EXPORTS)); do \
	    ln -sf libtrafficctl-tag.3 $(DESTDIR)$(PREFIX)/share/man/man3/$$name.3; done
	install -m 644 $(filter %.5,$(MANUALS)) $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 $(filter %.8,$(MANUALS)) $(DESTDIR)$(PREFIX)/share/man/man8
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions
	set -e; for program in $(COMPLETES); do \
	    install -m 644 $(B)/completion/$$program.bash \
	        $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$program; \
	    install -m 644 $(B)/completion/_$$program $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions; done
	test -e $(DESTDIR)/etc/trafficctl/trafficctl.conf || \
	    install -m 644 config/trafficctl.conf $(DESTDIR)/etc/trafficctl

.PHONY: install
