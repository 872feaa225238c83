# make demo    build the shop and run it with a demo catalogue
# make build   the binary alone, bin/cartkeep
# make test    everything that must be true before a change is taken
# make soak    the long tests: every fuzz target, the whole crash matrix
# make bench   speed and size beside their budgets
# make lighthouse  what Lighthouse says of five pages; needs Node and Chromium
# make docs    write the documents that come from code

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

GO       ?= go
PACKAGES ?= ./...
FUZZTIME ?= 60s
DEMO     ?=

# A static binary without paths of this machine. -w and not -s: the scanner for
# known vulnerabilities needs the symbols.
export CGO_ENABLED := 0
BUILDFLAGS := -trimpath -ldflags=-w

.DEFAULT_GOAL := help
.PHONY: help demo build test soak fuzz bench lighthouse docs go tools

help:
	@sed -n 's/^# make /make /p' Makefile

demo: build
	exec bin/cartkeep demo $(DEMO)

build: go
	$(GO) build $(BUILDFLAGS) -o bin/cartkeep ./cmd/cartkeep

go:
	@command -v $(GO) >/dev/null || { \
		echo "Cartkeep is built with Go 1.26 or later, and there is no Go here." >&2; \
		echo "Install it from go.dev/dl, or on Debian with: apt-get install golang" >&2; \
		echo "(Debian's Go fetches the version that go.mod names by itself.)" >&2; \
		exit 1; }

# What the tests need besides Go: a PostgreSQL to start, a browser to drive, an
# authenticator app and an age that are not ours, a token that speaks PKCS #11, for which a
# program in C is built, and an S3 server and Stripe's stand-in, which Go builds.
tools:
	@missing=; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing="$$missing chromium"; \
	command -v oathtool >/dev/null || missing="$$missing oathtool"; \
	command -v age >/dev/null || missing="$$missing age"; \
	command -v softhsm2-util >/dev/null || missing="$$missing softhsm2"; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	if [ -n "$$missing" ]; then \
		echo "make test needs these Debian packages:$$missing"; \
		if [ "$$(id -u)" = 0 ]; then as=; \
		elif command -v sudo >/dev/null; then as=sudo; \
		else echo "Please have them installed and try again." >&2; exit 1; fi; \
		$$as apt-get -q update; \
		$$as env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $$missing; \
	fi
	@cd tools/s3 && CGO_ENABLED=0 $(GO) tool -n versitygw >/dev/null
	@cd tools/stripe && CGO_ENABLED=0 $(GO) tool -n stripe-mock >/dev/null

# Without a browser or a database a test skips; here it must not.
test: go tools
	@unformatted=$$(gofmt -l $$(find . -name '*.go' -not -path './bin/*')); \
	if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted" >&2; exit 1; fi
	$(GO) vet $(PACKAGES)
	@out=$$(mktemp); trap 'rm -f "$$out"' EXIT; status=0; \
	CARTKEEP_TEST_REQUIRE=1 $(GO) test -p 3 -timeout 25m $(PACKAGES) 2>&1 | tee "$$out" || status=$$?; \
	count() { grep -c "$$1" "$$out" || true; }; \
	echo "packages: $$(count '^ok ') ok, $$(count '^FAIL	') failed, $$(count 'no test files') without tests"; \
	exit $$status

soak: go tools fuzz
	CARTKEEP_TEST_REQUIRE=1 CARTKEEP_SOAK=1 $(GO) test -p 1 -count 1 -timeout 120m $(PACKAGES)

# Each fuzz target for FUZZTIME, one after the other.
fuzz: go
	@failed=; for package in $$($(GO) list $(PACKAGES)); do \
		targets=$$($(GO) test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); \
		for target in $$targets; do \
			echo "== $$target in $$package, $(FUZZTIME)"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" || failed="$$failed $$target"; \
		done; \
	done; \
	if [ -n "$$failed" ]; then echo "fuzz targets that failed:$$failed" >&2; exit 1; fi; \
	echo "every fuzz target held"

bench: build tools
	$(GO) run ./internal/bench -shop bin/cartkeep
	$(GO) test -run '^$$' -bench . $(PACKAGES)

# Node fetches Lighthouse by the lock file beside the script.
lighthouse: build tools
	cd tools/lighthouse && npm ci --ignore-scripts --no-audit --no-fund && node run.mjs $(CURDIR)/bin/cartkeep

# Documents are compared with the code by tests; with this variable set the
# tests write them.
docs: go
	CARTKEEP_UPDATE=1 $(GO) test -count 1 -run 'TestDocs' $(PACKAGES)
