# SPDX-License-Identifier: GPL-2.0-only
#
# make help lists the targets. Everything that is made goes to build/.

VERSION := 0.1.0
PREFIX ?= /usr/local
UNITS ?= /lib/systemd/system
BUILD ?= build$(if $(SANITIZE),/sanitize)
# what is the same for both: the kernel side, and what is derived from headers
PLAIN := $(patsubst %/sanitize,%,$(BUILD))
CC ?= gcc
CLANG ?= clang-19
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
MULTIARCH := $(shell $(CC) -print-multiarch)
LIBRARIES := libbpf libelf yaml-0.1 jansson fuse3 libsystemd libcap-ng libseccomp
LATE := curl microhttpd crypto # userspace/util/late.c loads them when they are wanted

V ?= 0
# as many at a time as there are processors
MAKEFLAGS := $(MAKEFLAGS) $(if $(filter 0,$(MAKELEVEL)),$(if $(findstring -j,$(MAKEFLAGS)),,--jobs=$(shell nproc)))
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(PLAIN)/%,%,$(patsubst $(BUILD)/%,%,$@))')

CPPFLAGS += -I. -Iuserspace -Ibpf -I$(PLAIN) -D_GNU_SOURCE -DSQ_VERSION=\"$(VERSION)\" \
	$(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu17 -pthread -fPIE -fstack-protector-strong -fstack-clash-protection \
	-fno-strict-aliasing -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wformat=2 -Wwrite-strings -Wpointer-arith -Wvla -Wundef \
	-Wimplicit-fallthrough -Wno-unused-parameter -Wno-missing-field-initializers -Werror
CFLAGS += $(if $(filter x86,$(ARCH)),-fcf-protection)
CFLAGS += $(if $(SANITIZE),-O1 -fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
comma := ,
LDLIBS = $(shell pkg-config --libs $(LIBRARIES)) -lresolv -lm
CPPFLAGS += $(shell pkg-config --cflags $(LIBRARIES) $(LATE:%=lib%) 2>/dev/null | sed 's/-I\//-isystem \//g')
BPF_CFLAGS := -g -O2 -mcpu=v3 -target bpf -D__TARGET_ARCH_$(ARCH) -isystem /usr/include/$(MULTIARCH) \
	-Wall -Wextra -Wno-unused-parameter -Werror

SOURCES := $(wildcard userspace/*/*.c experiments/demo/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_OBJECTS := $(BPF_SOURCES:%.bpf.c=$(PLAIN)/%.bpf.o)
SKELETON := $(PLAIN)/gen/squall.skel.h
GENERATED := $(SKELETON) $(PLAIN)/gen/syscalls.h $(PLAIN)/gen/syscalls_elsewhere.h $(PLAIN)/gen/sonames.h

# What Debian calls it. Tests want more, real programs to hit among it.
BUILD_DEPS := gcc libc6-dev linux-libc-dev pkg-config clang-19 bpftool libbpf-dev libelf-dev \
	libyaml-dev libjansson-dev libcurl4-openssl-dev libfuse3-dev libsystemd-dev libssl-dev \
	libcap-ng-dev libseccomp-dev \
	libmicrohttpd-dev
CHECK_DEPS := libcmocka-dev libclang-rt-19-dev clang-format clang-tidy jq python3 iproute2 \
	iputils-ping nftables procps curl libxml2-utils redis-server redis-tools nginx-light fio iperf3 strace stress-ng \
	python3-jsonschema python3-prometheus-client \
	prometheus-alertmanager python3-yaml python3-dbus python3-gi dbus mandoc podman crun busybox-static \
	postgresql dnsmasq-base
VM_DEPS := qemu-system-x86 systemd busybox-static cpio xz-utils jq python3 iproute2 procps

# $(call install,PACKAGES): installs what is missing; a service that comes with one is not started.
define install
@missing=$$(for package in $(1); do \
	dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || \
		echo $$package; done); \
if [ -n "$$missing" ]; then \
	echo "installing" $$missing; \
	[ "$$(id -u)" = 0 ] || { echo "this needs root: use sudo" >&2; exit 1; }; \
	policy=/usr/sbin/policy-rc.d; \
	[ -e $$policy ] && policy= || { printf '#!/bin/sh\nexit 101\n' > $$policy; chmod +x $$policy; }; \
	apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends $$missing > /dev/null; code=$$?; \
	[ -z "$$policy" ] || rm -f $$policy; exit $$code; \
fi
endef

TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
# a file is looked at again when it, or a header that its object was made of, has changed
TIDIED := $(patsubst %.c,$(BUILD)/tidy/%.ok,userspace/main.c $(SOURCES))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZED := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(wildcard userspace/experiment/*.c userspace/util/*.c))
FUZZ_FLAGS := -fsanitize=fuzzer$(comma)address$(comma)undefined -fno-sanitize-recover=all
C_FILES := $(wildcard userspace/*.c userspace/*/*.[ch] experiments/demo/*.[ch] bpf/*.[ch] \
	tests/unit/*.[ch] tests/lib/*.c tests/bench/*.c tests/fuzz/*.c)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY: $(TESTS:$(BUILD)/tests/%=$(BUILD)/tests/unit/%.o) $(FUZZERS:$(BUILD)/fuzz/%=$(BUILD)/fuzz/tests/fuzz/%.o) $(FUZZED)
.PHONY: all deps demo check check-vm cluster vm-table check-deps bench campaign tests fuzzers tidy format install print-cppflags print-c-files help clean

all: $(BUILD)/squall $(BUILD)/man/squall-experiment.5 ## build build/squall

$(BUILD)/squall: $(BUILD)/userspace/main.o $(OBJECTS)
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c | $(GENERATED)
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(PLAIN)/%.bpf.o: %.bpf.c
	$(call say,BPF)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(PLAIN)/squall.bpf.o: $(BPF_OBJECTS)
	$(call say,BPFLINK)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKELETON): $(PLAIN)/squall.bpf.o
	$(call say,SKEL)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name squall_bpf > $@

# What the page says of faults is what the program says of them.
$(BUILD)/man/squall-experiment.5: userspace/dist/man/squall-experiment.5.in $(BUILD)/squall userspace/dist/man/make-fault-reference
	$(call say,MAN)
	$(Q)mkdir -p $(@D)
	$(Q)userspace/dist/man/make-fault-reference $(BUILD)/squall > $(@D)/faults
	$(Q)sed -e '/^@FAULTS@$$/{' -e 'r $(@D)/faults' -e d -e '}' $< > $@

# By what name the dynamic loader finds them.
$(PLAIN)/gen/sonames.h:
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)for name in $(LATE); do \
		readelf -d $$($(CC) -print-file-name=lib$$name.so) | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p' | \
			while read -r soname; do echo "#define SQ_SONAME_$$name \"$$soname\"" | \
				sed 's/_[a-z]* /\U&/'; done; \
	done > $@

# The system calls of this machine and, to tell what is only there, of the other one that squall knows,
# from the kernel's headers. arm64's are the generic ones; x86's may not be there on an arm64.
MAKE_CALLS := userspace/experiment/make-syscalls
X86_CALLS := $(firstword $(wildcard /usr/lib/linux/uapi/x86/asm/unistd_64.h \
	/usr/x86_64-linux-gnu/include/asm/unistd_64.h))
ARM64_WANTS := RENAMEAT NEW_STAT SET_GET_RLIMIT TIME32_SYSCALLS SYS_CLONE3 MEMFD_SECRET

$(PLAIN)/gen/syscalls.h: $(MAKE_CALLS)
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)echo '#include <asm/unistd.h>' | $(MAKE_CALLS) $(CC) > $@

$(PLAIN)/gen/syscalls_elsewhere.h: $(MAKE_CALLS)
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
ifeq ($(ARCH),x86)
	$(Q)printf '%s\n' '#define __BITS_PER_LONG 64' $(ARM64_WANTS:%='#define __ARCH_WANT_%') \
		'#include <asm-generic/unistd.h>' | $(MAKE_CALLS) $(CC) > $@
else ifneq ($(X86_CALLS),)
	$(Q)echo '#include "$(X86_CALLS)"' | $(MAKE_CALLS) $(CC) > $@
else
	$(Q)sed -n 's/^{ "\([a-z0-9_]*\)".*/{ "\1", -1 },/p' userspace/experiment/call_errnos.inc > $@
endif

deps: ## install what the build needs (Debian packages)
	$(call install,$(BUILD_DEPS))

demo: deps ## install what is missing, build, and run an experiment against the demo's service
	@$(MAKE) --no-print-directory all
	$(Q)$(BUILD)/squall run --yes experiments/demo.yaml

check-deps: deps
	$(call install,$(CHECK_DEPS))

check: check-deps ## all tests on the running kernel, with the sanitizers too
	@$(MAKE) --no-print-directory all tests
	$(Q)tests/check

check-vm: deps ## the tests on other kernels, under QEMU
	$(call install,$(VM_DEPS))
	@$(MAKE) --no-print-directory all
	$(Q)tests/vm/run

# Debian's PostgreSQL comes with a new cluster: as one file, for machines to which a thousand are slow
CLUSTER := $(firstword $(wildcard /var/lib/postgresql/*/main/PG_VERSION))

cluster: $(if $(CLUSTER),$(BUILD)/cluster.tar)

$(BUILD)/cluster.tar: $(CLUSTER)
	$(call say,TAR)
	$(Q)test -e $(dir $<)postmaster.pid || tar -C $(dir $<) -cf $@ .

vm-table: deps ## ask doctor on each of those kernels, for the README's table
	$(call install,$(VM_DEPS))
	@$(MAKE) --no-print-directory all
	$(Q)tests/vm/table

bench: check-deps ## measure what squall costs, as paired ratios
	@$(MAKE) --no-print-directory all
	$(Q)tests/bench/run

campaign: check-deps ## kill squall hundreds of times in the middle of its work
	$(call install,$(VM_DEPS))
	@$(MAKE) --no-print-directory all
	$(Q)TEST_TIMEOUT=3600 tests/run tests/campaign/*

tests: $(TESTS)

fuzzers: $(FUZZERS)

# a test takes from it what it calls, not all
$(BUILD)/squall.a: $(OBJECTS)
	$(call say,AR)
	$(Q)rm -f $@
	$(Q)$(AR) rcsT $@ $^

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(BUILD)/squall.a
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka -lmicrohttpd

# libFuzzer comes with clang, so what is fuzzed is built by it.
$(BUILD)/fuzz/%.o: %.c | $(GENERATED)
	$(call say,FUZZCC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -U_FORTIFY_SOURCE -std=gnu17 -g -O1 -pthread $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(FUZZED)
	$(call say,FUZZ)
	$(Q)$(CLANG) -pthread $(FUZZ_FLAGS) -o $@ $^ $(LDLIBS)

tidy: $(TIDIED) ## clang-tidy over the user space

$(BUILD)/tidy/%.ok: %.c $(BUILD)/%.o .clang-tidy
	$(call say,TIDY)
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- $(subst -I$(PLAIN),-isystem $(PLAIN),$(CPPFLAGS)) -std=gnu17 2>/dev/null
	$(Q)touch $@

format: ## put all C files into the project's format
	$(Q)clang-format -i $(C_FILES)

install: all ## install to DESTDIR and PREFIX
	install -D -m 755 $(BUILD)/squall $(DESTDIR)$(PREFIX)/sbin/squall
	@mkdir -p $(DESTDIR)$(UNITS)
	for unit in $(notdir $(wildcard userspace/dist/*.service userspace/dist/*.path userspace/dist/*.timer)); do \
		sed 's,/usr/local,$(PREFIX),' userspace/dist/$$unit > $(DESTDIR)$(UNITS)/$$unit || exit; done
	install -D -m 644 userspace/dist/squall.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/squall
	install -D -m 644 userspace/dist/man/squall.1 $(DESTDIR)$(PREFIX)/share/man/man1/squall.1
	install -D -m 644 userspace/dist/man/squall-policy.5 $(DESTDIR)$(PREFIX)/share/man/man5/squall-policy.5
	install -D -m 644 $(BUILD)/man/squall-experiment.5 $(DESTDIR)$(PREFIX)/share/man/man5/squall-experiment.5
	install -D -m 644 userspace/dist/journal.schema.json $(DESTDIR)$(PREFIX)/share/squall/journal.schema.json
	install -D -m 644 userspace/dist/gameday.schema.json $(DESTDIR)$(PREFIX)/share/squall/gameday.schema.json

clean: ## remove build/
	rm -rf $(BUILD)

print-cppflags:
	$(info $(CPPFLAGS))@:

print-c-files:
	$(info $(C_FILES))@:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

-include $(TESTS:$(BUILD)/tests/%=$(BUILD)/tests/unit/%.d) $(OBJECTS:.o=.d) $(FUZZED:.o=.d) $(BPF_OBJECTS:.o=.d) $(BUILD)/userspace/main.d
