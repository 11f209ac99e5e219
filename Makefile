# rechain: what one can do here. "make" prints this list.
SHELL := /bin/bash
export CGO_ENABLED := 0
GO ?= go

# With RECHAIN_IPTABLES_TESTS, the folder extensions/ of iptables' source, the tests of package translate judge by iptables' own as
# well (TestUpstream): make test RECHAIN_IPTABLES_TESTS=/usr/src/iptables/extensions
export RECHAIN_IPTABLES_TESTS

# The programs that tests use as judges, and the Debian packages that have them. rechain itself runs none of them.
JUDGES := nft:nftables iptables-legacy-restore:iptables ipset:ipset ip:iproute2 conntrack:conntrack strace:strace curl:curl redsocks:redsocks

.PHONY: help build demo test judges bench fuzz lint clean
help:
	@echo 'make demo    build, and watch a redirect work in a private network namespace'
	@echo 'make build   build bin/rechain, a static binary'
	@echo 'make test    all tests; installs the programs that they are judged by (Debian) or says what is missing'
	@echo 'make bench   rechain and its peers, side by side'
	@echo 'make fuzz    every fuzz target, TIME=30s each'
	@echo 'make lint    format, vet and golangci-lint'
	@echo 'make clean   remove what was built'

build:
	$(GO) build -trimpath -o bin/rechain ./cmd/rechain

demo: build
	@e2e/demo.sh bin/rechain

# As root the tests make network namespaces. Without, they run as root of a user namespace of their own, with a /run of its own for
# the lock of xtables and the names of namespaces, and skip what takes more. What was skipped, and why, is printed at the end.
TEST := $(GO) tool gotestsum --format pkgname --format-hide-empty-pkg -- -timeout 15m ./...
test: judges
	@test -z "$$(gofmt -l .)" || { echo 'gofmt would change:'; gofmt -l .; exit 1; }
	$(GO) vet ./...
	@$(GO) tool gotestsum --version >/dev/null # while there is a network to load it from
	@if [ "$$(id -u)" = 0 ]; then $(TEST); \
	else echo 'not root: testing in a user and network namespace'; \
	  unshare --user --map-root-user --net --mount sh -c 'mount -t tmpfs none /run && exec $(TEST)'; fi

judges:
	@missing=(); for j in $(JUDGES); do command -v "$${j%%:*}" >/dev/null || [ -x "/usr/sbin/$${j%%:*}" ] || missing+=("$${j##*:}"); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing $${missing[*]}"; \
	    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$${missing[@]}" >/dev/null; \
	  else echo "missing, so that tests are skipped: $${missing[*]}"; fi; fi

bench: judges build
	$(GO) run ./e2e/bench -rechain bin/rechain

TIME ?= 30s
fuzz:
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(TIME) $$p; done; done

lint:
	@test -z "$$(gofmt -l .)" || { echo 'gofmt would change:'; gofmt -l .; exit 1; }
	$(GO) vet ./...
	golangci-lint run

clean:
	rm -rf bin
