# SPDX-License-Identifier: Apache-2.0
# weightmark: one Makefile, no recursion. `make help` lists the targets.

PREFIX      ?= /usr/local
BINDIR      ?= $(PREFIX)/bin
LIBDIR      ?= $(PREFIX)/lib
INCLUDEDIR  ?= $(PREFIX)/include
MANDIR      ?= $(PREFIX)/share/man
DATADIR     ?= $(PREFIX)/share
ifeq ($(origin CC),default)
CC          := gcc
endif
CFLAGS      ?= -O2 -g
FUZZ_SECONDS ?= 60

VERSION     := $(shell sed -n 's/^#define WM_VERSION "\(.*\)"/\1/p' lib/weightmark.h)
SOVERSION   := $(firstword $(subst ., ,$(VERSION)))
SONAME      := libweightmark.so.$(SOVERSION)

# One build tree a configuration, so that none spoils another's objects.
variant     := $(if $(filter-out gcc cc,$(notdir $(CC))),-$(notdir $(CC)))$(if $(SAN),-san)$(if $(COVERAGE),-coverage)$(if $(FUZZ),-fuzz)
B           ?= build$(if $(variant),/$(variant:-%=%))

ifndef V
Q           := @
say          = @printf '  %-8s%s\n' '$(1)' '$(2)';
endif

# --- flags -----------------------------------------------------------------
packages    := libcrypto libprotobuf-c yaml-0.1 libgit2 sqlite3 zlib libseccomp
warnings    := -Wall -Wextra -Wshadow -Wconversion -Wcast-qual -Wvla -Wundef -Wformat=2 \
               -Wstrict-prototypes -Wmissing-prototypes -Wimplicit-fallthrough $(if $(WERROR),-Werror)
x86         := $(filter x86_64-% i%86-%,$(shell $(CC) -dumpmachine 2>/dev/null))
hardening   := -fstack-protector-strong -fstack-clash-protection $(if $(x86),-fcf-protection) \
               $(if $(SAN)$(COVERAGE)$(FUZZ),,-D_FORTIFY_SOURCE=3)
comma       := ,
sanitize    := $(if $(SAN)$(FUZZ),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
fuzzing     := $(if $(FUZZ),-fsanitize=fuzzer-no-link)
coverage    := $(if $(COVERAGE),--coverage -O0 -DWM_COVERAGE)
base_flags   = -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fPIC -fvisibility=hidden -pthread \
               $(CFLAGS) $(hardening) $(sanitize) $(fuzzing) $(coverage) -Ilib -isystem $(B)/gen $(pkg_cflags)
# Only headers of libhdf5 are needed; it is loaded at run time.
hdf5_cflags  = $(shell pkg-config --cflags hdf5-serial 2>/dev/null || pkg-config --cflags hdf5 2>/dev/null)
pkg_cflags   = $(shell pkg-config --cflags $(packages) 2>/dev/null) $(patsubst -I%,-isystem %,$(hdf5_cflags))
# libunistring and libtar have no .pc file.
other_libs  := -lunistring -ltar
pkg_libs     = $(shell pkg-config --libs $(packages) 2>/dev/null) $(other_libs)
link_flags   = $(CFLAGS) $(sanitize) $(coverage) -pthread -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)

# --- what there is ---------------------------------------------------------
floors      := $(shell sed 's/\#.*//' lib/FLOORS | awk 'NF { print $$1 }')
lib_src     := $(sort $(foreach f,$(floors),$(wildcard lib/$(f)/*.c)) $(wildcard lib/*.c))
cmd_src     := $(sort $(wildcard cmd/weightmark/*.c))
protos      := $(sort $(wildcard proto/weightmark/v1/*.proto))
gen_c       := $(protos:proto/%.proto=$(B)/gen/%.pb-c.c)
gen_h       := $(gen_c:.c=.h)
lib_obj     := $(lib_src:%.c=$(B)/%.o) $(gen_c:.c=.o)
cmd_obj     := $(cmd_src:%.c=$(B)/%.o)
unit_src    := $(sort $(wildcard tests/unit/test_*.c))
unit_bin    := $(unit_src:tests/unit/%.c=$(B)/tests/%)
help_src    := $(filter-out $(unit_src),$(wildcard tests/unit/*.c))
fuzz_src    := $(sort $(wildcard tests/fuzz/fuzz_*.c))
fuzz_plain  := $(fuzz_src:tests/fuzz/%.c=$(B)/fuzz/%)
docs_gen    := $(B)/weightmark.1 $(B)/weightmark.bash $(B)/_weightmark $(B)/weightmark.fish

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all demo check unit lint bench fuzz fuzzers golden interop fault mutate coverage install uninstall clean deps deps-interop help FORCE

all: $(B)/weightmark $(B)/libweightmark.so $(B)/weightmark.pc $(docs_gen) ## build command, library, manual and completions

# --- dependencies ----------------------------------------------------------
deps_build  := gcc libc6-dev make pkg-config libssl-dev libprotobuf-c-dev protobuf-c-compiler libyaml-dev libunistring-dev \
               libgit2-dev libsqlite3-dev libcurl4-openssl-dev zlib1g-dev libtar-dev libhdf5-dev libseccomp-dev
deps_check  := libcmocka-dev bats jq valgrind strace openssl util-linux binutils e2fsprogs git openssh-client faketime libcurl4 busybox $(if $(filter clang%,$(notdir $(CC))),clang libclang-rt-14-dev)
deps_fault  := python3 git jq
deps_lint   := clang-tidy cppcheck shellcheck mandoc git
deps_bench  := openssl strace coreutils time b3sum python3-minimal findutils jq util-linux e2fsprogs
deps_interop:= openssl python3 python3-protobuf g++ libleveldb-dev tar gzip python3-h5py python3-onnx libonnx-testdata python3-torch python3-numpy $(if $(shell command -v node),,nodejs) $(if $(shell command -v npm),,npm)
deps_fuzz   := clang libclang-rt-14-dev
deps_cover  := gcovr

# Installs those of $(1) that are missing, or says which they are and stops.
define need
@missing=; for p in $(1); do \
	dpkg-query -W -f '$${Status}' "$$p" 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then \
	if ! command -v apt-get >/dev/null; then \
		echo "missing (Debian package names):$$missing; install what your system calls them" >&2; exit 1; fi; \
	sudo=; if [ "$$(id -u)" != 0 ]; then sudo='sudo'; command -v sudo >/dev/null || { \
		echo "missing packages:$$missing; run as root: apt-get install$$missing" >&2; exit 1; }; fi; \
	echo "installing:$$missing"; \
	$$sudo apt-get -qq update && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $$missing >/dev/null || { \
		echo "could not install:$$missing" >&2; exit 1; }; fi
endef

# The build proper is a second run of make: it starts when the dependencies are there.
build        = @$(MAKE) --no-print-directory -j$(shell nproc 2>/dev/null || echo 2)

deps: ## install missing Debian packages for all, demo and check
	$(call need,$(deps_build) $(deps_check))

# --- rules -----------------------------------------------------------------
# A stamp changes with its text, and what depends on it is built anew then.
stamp        = @mkdir -p $(@D) && { printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' > $@; }
$(B)/flags: FORCE
	$(call stamp,$(CC) $(base_flags) $(warnings) $(link_flags))
$(B)/places: FORCE
	$(call stamp,$(PREFIX) $(LIBDIR) $(INCLUDEDIR))

$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h: proto/%.proto
	@mkdir -p $(@D)
	$(call say,PROTO,$<)
	$(Q)protoc-c --proto_path=proto --c_out=$(B)/gen $<

$(B)/gen/%.o: $(B)/gen/%.c $(B)/flags | $(gen_h)
	$(call say,CC,$@)
	$(Q)$(CC) $(base_flags) -w -c -o $@ $<

$(B)/%.o: %.c $(B)/flags | $(gen_h)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(base_flags) $(warnings) -Itests -MD -MP -c -o $@ $<

$(B)/libweightmark.a: $(lib_obj)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/libweightmark.so: $(lib_obj) lib/weightmark.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(link_flags) -Wl,-soname,$(SONAME),--version-script=lib/weightmark.map \
		-o $(B)/$(SONAME) $(lib_obj) $(pkg_libs)
	$(Q)ln -sf $(SONAME) $@

$(B)/weightmark: $(cmd_obj) $(B)/libweightmark.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(link_flags) -o $@ $(cmd_obj) $(B)/libweightmark.a $(pkg_libs)

$(B)/weightmark.pc: Makefile lib/weightmark.h $(B)/places
	$(call say,GEN,$@)
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' 'Name: weightmark' \
		'Description: signed provenance for model checkpoints' 'Version: $(VERSION)' \
		'Requires.private: $(packages)' 'Libs.private: $(other_libs)' \
		'Libs: -L$${libdir} -lweightmark' 'Cflags: -I$${includedir}' > $@

$(B)/weightmark.1: $(B)/weightmark
	$(call say,GEN,$@)
	$(Q)$< help --man > $@
$(B)/weightmark.bash: $(B)/weightmark
	$(Q)$< help --completion=bash > $@
$(B)/_weightmark: $(B)/weightmark
	$(Q)$< help --completion=zsh > $@
$(B)/weightmark.fish: $(B)/weightmark
	$(Q)$< help --completion=fish > $@

# --- tests -----------------------------------------------------------------
# Our own calls of malloc and its kin go through tests/unit/harness.c, which can make the nth fail.
wrap        := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup,--wrap=strndup

$(B)/tests/%: $(B)/tests/unit/%.o $(help_src:%.c=$(B)/%.o) $(B)/libweightmark.a
	$(call say,LD,$@)
	$(Q)$(CC) $(link_flags) $(wrap) -o $@ $^ -lcmocka $(pkg_libs)

$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/driver.o $(B)/libweightmark.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(link_flags) -o $@ $^ $(pkg_libs)

fuzzers: $(fuzz_src:tests/fuzz/%.c=$(B)/fuzzers/%)
$(B)/fuzzers/%: $(B)/tests/fuzz/%.o $(B)/libweightmark.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(link_flags) -fsanitize=fuzzer -o $@ $^ $(pkg_libs)

$(B)/interop-answers: $(B)/tests/interop/answers.o $(B)/tests/unit/answers.o $(B)/libweightmark.a
	$(call say,LD,$@)
	$(Q)$(CC) $(link_flags) -o $@ $^ $(pkg_libs)

$(B)/interop-tensors $(B)/interop-torch-tensors: $(B)/interop-%: $(B)/tests/interop/%.o $(B)/libweightmark.a
	$(call say,LD,$@)
	$(Q)$(CC) $(link_flags) -o $@ $^ $(pkg_libs)

$(B)/bench-statements: $(B)/tests/bench/statements.o $(B)/tests/bench/families.o $(B)/libweightmark.a
	$(call say,LD,$@)
	$(Q)$(CC) $(link_flags) -o $@ $^ $(pkg_libs)

$(B)/example-verify: docs/examples/verify.c $(B)/libweightmark.so
	$(call say,CC,$<)
	$(Q)$(CC) $(base_flags) $(warnings) $(link_flags) -o $@ $< -L$(B) -lweightmark -Wl,-rpath,'$$ORIGIN'

unit: deps ## build and run the unit tests alone
	$(build) $(unit_bin) $(fuzz_plain)
	@B='$(B)' tests/run unit

check: deps ## build and run every test
	$(build) all $(unit_bin) $(fuzz_plain) $(B)/example-verify $(B)/bench-statements
	@B='$(B)' tests/run unit cli

demo: deps ## sign and verify a real checkpoint, flip one bit, see the refusal
	$(build) all
	@B='$(B)' tests/demo

golden: deps ## rewrite the recorded answers in testdata/golden; review the diff
	$(build) all $(unit_bin)
	@B='$(B)' GOLDEN=1 tests/run unit cli

deps-interop: ## install what interop needs besides: real loaders, from Debian and npm
	$(call need,$(deps_build) $(deps_interop))
	@B='$(B)' tests/interop/node --install

interop: ## check what we write and read with openssl, Python and published loaders (npm)
	$(call need,$(deps_build) $(deps_interop))
	$(build) all $(B)/interop-answers $(B)/interop-tensors $(B)/interop-torch-tensors
	@B='$(B)' tests/interop/run

bench: ## measure against openssl, cat, cp and b3sum; needs 11 GB of free disk, BENCH_SPARSE_GB=20 is shorter
	$(call need,$(deps_build) $(deps_bench))
	$(build) all $(B)/bench-statements
	@B='$(B)' tests/bench/run; run=$$?; B='$(B)' tests/bench/ledger || run=1; B='$(B)' tests/bench/dataset || run=1; B='$(B)' tests/bench/lineage || run=1; B='$(B)' tests/bench/formats && exit $$run

fault: deps ## kill at every write, let every write fail, cut the power, many writers at once; needs python3
	$(call need,$(deps_fault))
	$(build) all $(B)/bench-statements
	@B='$(B)' tests/fault/run
	@B='$(B)' tests/fault/replay
	@B='$(B)' tests/fault/writers
	@B='$(B)' FAULT_STEP=1 bats tests/cli/ledger_faults.bats

mutate: deps ## remove each named check in turn and show that a test fails
	@tests/mutate

fuzz: ## run each fuzz target for FUZZ_SECONDS (60), then compare 10,000 files of each format with its loader
	$(call need,$(deps_build) $(deps_fuzz) $(deps_interop))
	$(build) CC=clang FUZZ=1 fuzzers
	$(build) all $(B)/interop-answers $(B)/interop-tensors $(B)/interop-torch-tensors
	@FUZZ_SECONDS=$(FUZZ_SECONDS) B=build/clang-fuzz tests/fuzz/run

coverage: ## line coverage of lib/ by the tests
	$(call need,$(deps_build) $(deps_check) $(deps_cover))
	@$(MAKE) --no-print-directory COVERAGE=1 check
	@gcovr --root . --filter lib/ --print-summary build/coverage

lint: ## floors, file and function sizes, spelling of tables, static analysis
	$(call need,$(deps_build) $(deps_lint))
	$(build) all
	@B='$(B)' tests/lint/run

# --- installing ------------------------------------------------------------
install: all ## install below PREFIX (/usr/local), with DESTDIR in front
	install -Dm755 $(B)/weightmark '$(DESTDIR)$(BINDIR)/weightmark'
	install -Dm644 $(B)/$(SONAME) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libweightmark.so'
	install -Dm644 lib/weightmark.h '$(DESTDIR)$(INCLUDEDIR)/weightmark.h'
	install -Dm644 $(B)/weightmark.pc '$(DESTDIR)$(LIBDIR)/pkgconfig/weightmark.pc'
	install -Dm644 $(B)/weightmark.1 '$(DESTDIR)$(MANDIR)/man1/weightmark.1'
	install -Dm644 $(B)/weightmark.bash '$(DESTDIR)$(DATADIR)/bash-completion/completions/weightmark'
	install -Dm644 $(B)/_weightmark '$(DESTDIR)$(DATADIR)/zsh/site-functions/_weightmark'
	install -Dm644 $(B)/weightmark.fish '$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/weightmark.fish'

uninstall: ## remove what install put there
	rm -f '$(DESTDIR)$(BINDIR)/weightmark' '$(DESTDIR)$(LIBDIR)/$(SONAME)' '$(DESTDIR)$(LIBDIR)/libweightmark.so' \
		'$(DESTDIR)$(INCLUDEDIR)/weightmark.h' '$(DESTDIR)$(LIBDIR)/pkgconfig/weightmark.pc' \
		'$(DESTDIR)$(MANDIR)/man1/weightmark.1' '$(DESTDIR)$(DATADIR)/bash-completion/completions/weightmark' \
		'$(DESTDIR)$(DATADIR)/zsh/site-functions/_weightmark' \
		'$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/weightmark.fish'

clean: ## remove the build tree
	rm -rf build

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

-include $(lib_obj:.o=.d) $(cmd_obj:.o=.d) $(wildcard $(B)/tests/*/*.d)
