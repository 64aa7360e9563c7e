# Confab: make run, make test. `make help` lists the rest.

GO      ?= go
BUILD   := build
LDFLAGS := -s -w
# Static, and small, for that is how long a cold start takes: without the RPC of
# old Lambda runtimes, without HTTP/2, without inlining.
FUNCTION := CGO_ENABLED=0 GOOS=linux $(GO) build -trimpath -tags lambda.norpc,nethttpomithttp2 -gcflags=all=-l -ldflags '$(LDFLAGS)'

.PHONY: help run test check build bench clean tools

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: ## serve the room on http://localhost:8080, with nothing else installed
	@$(GO) run ./functions/server

build: ## build/confab (the server) and build/{login,post,stream}/bootstrap (functions)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BUILD)/confab ./functions/server
	$(FUNCTION) -o $(BUILD)/login/bootstrap ./functions/login
	$(FUNCTION) -o $(BUILD)/post/bootstrap ./functions/post
	$(FUNCTION) -o $(BUILD)/stream/bootstrap ./functions/stream

test: tools check ## install what the tests need (Redis, Chromium) and run them all, race detector on
	$(GO) test -race ./...

check: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l functions shared public)" || { gofmt -l functions shared public; echo 'make check: run gofmt -w on these'; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

tools: # what the tests talk to; nothing is done where it is there
	@.ci/tools

bench: ## what a delivery costs, beside the least that it can cost
	$(GO) test -run '^$$' -bench . ./shared/hub

clean: ## forget what was built (rooms in .confab stay)
	rm -rf $(BUILD)
