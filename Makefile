# Slipway's everyday commands; `make help` lists them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The toolchain on the machine is the one that go.mod asks for; no other is downloaded.
export GOTOOLCHAIN := local

ROOT  := $(CURDIR)
BIN   := $(ROOT)/.tools/bin
STAMP := $(ROOT)/.tools/stamps
export PATH := $(BIN):$(PATH)

# A tool is name=module/package@version; it is built from its Go module, checked against the checksum database.
RUNSC         := runsc=gvisor.dev/gvisor/runsc@v0.0.0-20260905035102-160fafc42237
LINT_TOOLS    := golangci-lint=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 \
                 gofumpt=mvdan.cc/gofumpt@v0.12.0 \
                 govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.8.0 \
                 actionlint=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
# The one tool that is no Go module: a Python package with a binary in it.
ZIZMOR        := zizmor==1.32.0
CLIENTS       := cue=cuelang.org/go/cmd/cue@v0.17.1 \
                 crane=github.com/google/go-containerregistry/cmd/crane@v0.22.1 \
                 oras=oras.land/oras/cmd/oras@v1.3.2 \
                 cosign=github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5 \
                 cosign3=github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3 \
                 thv=github.com/stacklok/toolhive/cmd/thv@v0.47.0 \
                 osv-scanner=github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.5.1

# Installs one tool under .tools/bin and stamps its version, so that a new version here installs anew. A module of its own,
# since `go install` asks for all versions of the tool's module, a list that not every proxy has (oras.land/oras).
stamp  = $(STAMP)/$(subst =,-,$(subst /,_,$(1)))
define install
$(call stamp,$(1)):
	@echo 'installing $(firstword $(subst =, ,$(1)))'
	@mkdir -p '$(BIN)' '$(STAMP)' && rm -rf '$$@.tmp' && mkdir '$$@.tmp'
	@cd '$$@.tmp' && go mod init tool 2>/dev/null && go get '$(lastword $(subst =, ,$(1)))' 2>go-get.log || { cat go-get.log >&2; exit 1; }
	@cd '$$@.tmp' && CGO_ENABLED=0 go build -trimpath -o '$(BIN)/$(firstword $(subst =, ,$(1)))' '$(firstword $(subst @, ,$(lastword $(subst =, ,$(1)))))'
	@rm -rf '$$@.tmp' && touch '$$@'
endef
stamps = $(foreach tool,$(1),$(call stamp,$(tool)))
$(foreach tool,$(RUNSC) $(LINT_TOOLS) $(CLIENTS),$(eval $(call install,$(tool))))

ZIZMOR_STAMP := $(STAMP)/$(subst ==,-,$(ZIZMOR))
$(ZIZMOR_STAMP):
	@echo 'installing $(ZIZMOR)'
	@mkdir -p '$(BIN)' '$(STAMP)' && rm -rf '$@.tmp'
	@python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps --target '$@.tmp' '$(ZIZMOR)'
	@cp '$@.tmp/bin/zizmor' '$(BIN)/zizmor' && rm -rf '$@.tmp' && touch '$@'

.PHONY: help tools demo test e2e e2e-clients e2e-dagger lint bench clean generate release-all

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(BIN)/catalogctl: $(shell git ls-files -co --exclude-standard '*.go' 'internal/*.py' go.mod go.sum schema 'catalog/bases' 2>/dev/null)
	@mkdir -p '$(BIN)'
	CGO_ENABLED=0 go build -trimpath -buildvcs=auto -o '$@' ./cmd/catalogctl

tools: $(call stamps,$(RUNSC)) $(BIN)/catalogctl ## build catalogctl and the sandbox (gVisor's runsc) into .tools/bin

demo: tools ## release three real servers to the registry under dist/, verify them, generate the catalog
	@scripts/demo

test: $(call stamps,$(RUNSC)) ## run all unit and command tests, with the race detector
	go test -race ./...

e2e: e2e-clients e2e-dagger ## run all end-to-end tests

e2e-clients: tools $(call stamps,$(CLIENTS)) ## run those against stock clients
	go test -tags e2e -timeout 60m -count 1 ./e2e/...

e2e-dagger: tools $(call stamps,$(CLIENTS)) ## run those of the Dagger module and of pull requests, on the engine that is there or on one of their own
	scripts/with-engine go test -tags 'e2e dagger' -run Dagger -timeout 60m -count 1 ./e2e/...

lint: $(call stamps,$(LINT_TOOLS)) $(ZIZMOR_STAMP) ## lint code and workflows; look for known vulnerabilities where the database can be reached
	actionlint
	zizmor --offline --quiet .github
	golangci-lint run ./...
	golangci-lint run --build-tags e2e,dagger ./e2e/...
	test -z "$$(git ls-files 'ci/*.go' | xargs gofumpt -l | tee -a /dev/stderr)"
	if [ -e ci/dagger.gen.go ]; then cd ci && golangci-lint run .; else echo 'ci/ is linted whole after "dagger develop", and by "dagger check command"'; fi
	scripts/vulncheck

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

release-all: tools ## release every entry to the registry under dist/; servers that others run must be reachable
	catalogctl release --all

generate: tools ## regenerate registries/ from the entries
	catalogctl generate

clean: ## remove what was built and published locally (the tools stay)
	rm -rf dist
