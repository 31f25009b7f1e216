# SPDX-License-Identifier: GPL-2.0-only
#
# make help lists the targets. Everything that is made goes to build/.

VERSION := 0.1.0
PREFIX ?= /usr/local
BUILD ?= build$(if $(SANITIZE),/sanitize)
CC ?= gcc
CLANG ?= clang-19
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
MULTIARCH := $(shell $(CC) -print-multiarch)
LIBRARIES := libbpf libelf yaml-0.1 jansson libcurl fuse3 libsystemd

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)')

CPPFLAGS += -Iuserspace -Ibpf -I$(BUILD) -D_GNU_SOURCE -DSQ_VERSION='"$(VERSION)"' \
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
LDLIBS = $(shell pkg-config --libs $(LIBRARIES)) -lm
CPPFLAGS += $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null | sed 's/-I\//-isystem \//g')
BPF_CFLAGS := -g -O2 -mcpu=v3 -target bpf -D__TARGET_ARCH_$(ARCH) -isystem /usr/include/$(MULTIARCH) \
	-Wall -Wextra -Wno-unused-parameter -Werror

SOURCES := $(wildcard userspace/*/*.c experiments/demo/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_OBJECTS := $(BPF_SOURCES:%.bpf.c=$(BUILD)/%.bpf.o)
SKELETON := $(BUILD)/gen/squall.skel.h
GENERATED := $(SKELETON) $(BUILD)/gen/syscalls.h

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all help clean

all: $(BUILD)/squall ## build build/squall

$(BUILD)/squall: $(BUILD)/userspace/main.o $(OBJECTS)
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c | $(GENERATED)
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.bpf.o: %.bpf.c
	$(call say,BPF)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/squall.bpf.o: $(BPF_OBJECTS)
	$(call say,BPFLINK)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKELETON): $(BUILD)/squall.bpf.o
	$(call say,SKEL)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name squall_bpf > $@

# The system calls of this machine, from its own headers.
$(BUILD)/gen/syscalls.h:
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)echo '#include <asm/unistd.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/{ "\1", \2 },/p' | sort -t, -k2n > $@

clean: ## remove build/
	rm -rf $(BUILD)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

-include $(OBJECTS:.o=.d) $(BPF_OBJECTS:.o=.d) $(BUILD)/userspace/main.d
