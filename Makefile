# Every module of the repository; `make test` names them all.
MODULES := . drain drain/grpcdrain internal/proctest internal/redistest session session/sqlitestore session/redisstore session/cbor session/elasticache examples/frameworks interop/peers
# Modules by themselves: their requirements are not to touch the others'.
APART   := interop/manifests interop/corpus interop/linters
GO      ?= go
RACE    := $(shell command -v gcc >/dev/null 2>&1 && echo -race)

.PHONY: help demo build test test-all lint fuzz setup bench-gateway bench-session

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: ## users, a shop, scale-ins and kills on this machine, in about a minute
	$(GO) run ./cmd/evenkeel demo --for 60s

build: ## .bin/evenkeel, and .bin/evenkeel-run for images
	$(GO) build -trimpath -o .bin/evenkeel ./cmd/evenkeel
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o .bin/evenkeel-run ./cmd/evenkeel-run

setup:
	@./scripts/setup

test: setup ## all tests of all modules that end within minutes
	@$(MAKE) --no-print-directory test-modules

# gcc may have been installed by setup, so RACE is computed here.
.PHONY: test-modules
test-modules:
	@[ -n "$(RACE)" ] || echo "test: without the race detector (no gcc)"
	@set -e; for m in $(MODULES); do echo "== $$m"; (cd $$m && $(GO) vet ./... && $(GO) test $(RACE) -timeout 600s ./...); done
	@set -e; for m in $(APART); do echo "== $$m"; (cd $$m && export GOWORK=off && $(GO) vet ./... && $(GO) test -timeout 600s ./...); done

test-all: ## also in a real browser, and all fuzz targets
	@./scripts/setup browser
	EVENKEEL_REQUIRE=redis,proc,browser,haproxy,nginx,systemd $(MAKE) --no-print-directory test-modules
	$(MAKE) --no-print-directory fuzz

FUZZTIME ?= 10s
fuzz: ## every fuzz target for FUZZTIME
	@GO="$(GO)" FUZZTIME="$(FUZZTIME)" ./scripts/fuzz $(MODULES)

LINT := .bin/golangci-lint
$(LINT): tools/go.mod
	GOWORK=off $(GO) -C tools build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

lint: $(LINT) ## golangci-lint and gofmt over every module
	@set -e; for m in $(MODULES); do echo "== lint $$m"; (cd $$m && $(CURDIR)/$(LINT) run --config $(CURDIR)/.golangci.yml ./...); done

H2SPEC := .bin/h2spec
$(H2SPEC): tools/go.mod
	GOWORK=off $(GO) -C tools build -o ../$(H2SPEC) github.com/summerwind/h2spec/cmd/h2spec

.PHONY: h2spec
h2spec: $(H2SPEC) ## HTTP/2's conformance suite against the gateway's TLS listener
	PATH="$(CURDIR)/.bin:$$PATH" EVENKEEL_REQUIRE=h2spec $(GO) test -count=1 -run H2spec -v ./internal/gateway

.PHONY: soak
soak: setup ## the gateway under load for ten minutes: memory and goroutines must stay flat
	$(BENCH) ./gateway -only soak -soak 10m $(ARGS)

# Their module stands outside of go.work, with the peers' dependencies.
BENCH := GOWORK=off $(GO) -C bench run
.PHONY: bench-drill
bench-session: setup ## what session libraries lose and cost, side by side
	$(BENCH) ./session $(ARGS)

bench-gateway: ## what proxies cost, and what a scale-in costs behind them
	@./bench/gateway/setup
	$(BENCH) ./gateway $(ARGS)

.PHONY: bench-run
bench-run: ## evenkeel-run: its size, what it adds to a start and to a request
	$(BENCH) ./run $(ARGS)

.PHONY: bench-check
bench-check: ## evenkeel check over 10,000 manifests: time, CPU, memory
	$(BENCH) ./check $(ARGS)

.PHONY: corpus linters
corpus: ## check over public applications, against the reviewed list
	GOWORK=off $(GO) -C interop/corpus run . -update ../../docs/reference/public-applications.md $(ARGS)

linters: ## what other linters find of the faults that the rules' archives plant
	GOWORK=off $(GO) -C interop/linters run . -update ../../docs/reference/linters.md $(ARGS)

.PHONY: matrix oracle
matrix: ## services that are wrong on purpose: the drill finds each, and nothing in a healthy one
	$(GO) test -count=1 -v -timeout 10m ./internal/drill/matrix

oracle: ## 100,000 random histories, judged by the drill's checkers and by Porcupine
	EVENKEEL_ORACLE=100000 $(GO) test -count=1 -v -timeout 20m -run PorcupineAgrees ./internal/drill/check

bench-drill: ## what the drill's engine costs, beside net/http and vegeta
	$(BENCH) ./drill $(ARGS)
