# Confab: make run, make test. `make help` lists the rest.

GO      ?= go
BUILD   := build
LDFLAGS := -s -w
# What the functions run on. amd64 runs under sam local everywhere; make deploy takes arm64, which costs a fifth less.
ARCH    ?= amd64
# Static and small, for a function is read anew for each cold start: without what only the server has, debug RPC, HTTP/2,
# inlining and room between functions.
FUNCTION = CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(GO) build -trimpath -tags lambda.norpc,nethttpomithttp2 -gcflags=all=-l -ldflags '$(LDFLAGS) -funcalign=1'

.PHONY: help run test check build functions bench clean tools deploy site image deb local test-clients test-resume proxies test-cloud torture differential flood page openapi fuzz vuln check-page bench-page bench-picture screenshots lighthouse build-LoginFunction build-PostFunction build-StreamFunction

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: ## serve the room on http://localhost:8080, with nothing else installed
	@$(GO) run ./functions/server

build: ## build/confab (the server) and build/{login,post,stream}/bootstrap (functions)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BUILD)/confab ./functions/server
	$(MAKE) functions

functions: # where template.yaml looks for them
	$(FUNCTION) -o $(BUILD)/login/bootstrap ./functions/login
	$(FUNCTION) -o $(BUILD)/post/bootstrap ./functions/post
	$(FUNCTION) -o $(BUILD)/stream/bootstrap ./functions/stream

# For sam build. The site goes beside the functions, where sam local looks for it then.
build-LoginFunction:
	$(FUNCTION) -o $(ARTIFACTS_DIR)/bootstrap ./functions/login
	mkdir -p $(ARTIFACTS_DIR)/../public && cp -R public/. $(ARTIFACTS_DIR)/../public
build-PostFunction:
	$(FUNCTION) -o $(ARTIFACTS_DIR)/bootstrap ./functions/post
build-StreamFunction:
	$(FUNCTION) -o $(ARTIFACTS_DIR)/bootstrap ./functions/stream

# The build first: tests build the same again, which then costs nothing, and wait for it one by one.
test: tools check build ## install what the tests need (Redis, Chromium, Firefox) and run them all, race detector on
	$(GO) test -race $$($(GO) list ./... | grep -v -e /e2e/faults -e /store/redis)
	$(GO) test -race ./functions/server/e2e/faults # alone, since it holds the server to times
	$(GO) test -race ./shared/store/redis # alone as well

# With -race, as the tests are built: all is compiled once.
STATICCHECK = GOFLAGS="$$($(GO) env GOFLAGS) -race" $$($(GO) tool -n staticcheck)
check: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l functions shared public)" || { gofmt -l functions shared public; echo 'make check: run gofmt -w on these'; exit 1; }
	$(GO) vet -race ./...
	$(STATICCHECK) ./...
	@for os in darwin windows freebsd; do echo "vet for $$os"; CGO_ENABLED=0 GOOS=$$os $(GO) vet ./... || exit 1; done
	@if command -v npx >/dev/null; then $(MAKE) --no-print-directory check-page; elif [ -n "$$CI" ]; then echo 'make check: npm is missing'; exit 1; fi

check-page: # the page's types, and its logic without a browser; npm brings the compiler
	npx --yes -p typescript@7.0.2 tsc -p public/jsconfig.json
	node --test public/js/test/

tools: # what the tests talk to; nothing is done where it is there
	@.ci/tools

test-clients: ## clients that others wrote (npm, curl) follow a room through cuts; the suite of Durable Streams; generated clients speak
	$(GO) test -race -tags clients ./functions/server/e2e/clients ./functions/server/e2e/generated -count=1 -v

test-resume: ## the same in five languages, cut inside frames (Java, Maven and Cargo where they are there); schemathesis
	$(GO) test -tags clients,resume ./functions/server/e2e/clients ./functions/server/e2e/generated -run 'InsideFrames|AsDescribed' -count=1 -v

# SAM, the AWS CLI, cfn-lint and a double of AWS are kept from run to run, by what requirements.txt asks for.
CLOUD = functions/server/e2e/cloud
CLI   = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/confab/cloud-$(firstword $(shell cksum $(CLOUD)/requirements.txt))
proxies: ## page, SSE, WebSocket and the doctor behind each of the real proxies: makes .github/docs/proxies.md
	$(GO) test ./functions/server/e2e/proxies -run PageIsLive -count=1 -v -parallel 8 -timeout 30m -table

test-cloud: ## (RUN=TestName for some of it) the functions under the real sam local, the image in a real Docker, the template in a double of AWS
	@.ci/tools cloud
	@test -e '$(CLI)/done' || { echo 'make test-cloud: installing SAM and the AWS CLI' >&2; rm -rf '$(CLI)' && python3 -m venv '$(CLI)' && \
		'$(CLI)/bin/pip' install --quiet --disable-pip-version-check -r $(CLOUD)/requirements.txt && touch '$(CLI)/done'; }
	$(GO) test -tags cloud ./$(CLOUD) -count=1 -v -timeout 20m $(if $(RUN),-run '$(RUN)') -cli '$(CLI)/bin'

torture: ## break everything under load and print what it came to (ROUNDS=10 SEED=1 MINUTES=60)
	$(GO) test ./functions/server/e2e/faults -run Torture -count=1 -v -timeout 0 -torture.rounds $(or $(ROUNDS),10) -torture.seed $(or $(SEED),1) -torture.minutes $(or $(MINUTES),60)

flood: ## one address floods while a hundred others chat, and what it comes to as a table (two quiet cores; FOR=10m)
	$(GO) test ./functions/server/e2e/faults -run '^TestFloodOfOneAddress$$' -count=1 -v -timeout 0 -flood.for $(or $(FOR),10m)

# Rapid writes what failed to testdata/rapid, where every later run finds it: commit the file with the mending.
differential: ## both engines of the store get the same operations at random (SEED=1 MINUTES=60)
	@end=$$(($$(date +%s) + 60 * $(or $(MINUTES),60))); seed=$(or $(SEED),1)000; while [ $$(date +%s) -lt $$end ]; do \
		echo "seed $$seed"; $(GO) test ./shared/store/redis -run '^TestEngines' -count=1 -timeout 30m -rapid.seed $$seed -rapid.checks 2000 || exit 1; \
		seed=$$((seed + 1)); done

bench: build ## what a delivery costs, beside the least that it can cost (two quiet cores; WORKLOADS=1,2 RUNS=3)
	$(GO) run ./functions/server/bench -workloads '$(or $(WORKLOADS),$(ROWS))' -runs $(or $(RUNS),3)

bench-page: tools ## Enter on one screen until it is painted on the other; a flood; scrolling
	$(GO) test -run '^$$' -bench EnterToPaint -benchtime 100x ./functions/server/e2e/page
	$(GO) test -run '^$$' -bench 'Flood|Scroll' -benchtime 5x ./functions/server/e2e/page

screenshots: tools ## the pictures in the README, of the page as it is
	SCREENSHOTS=$(CURDIR)/.github/screenshots $(GO) test -run '^TestScreenshots$$' -count=1 ./functions/server/e2e/page

lighthouse: tools ## Lighthouse, from npm, on the login and on a room of 200 lines: first and later visit, phone and desktop
	LIGHTHOUSE=1 $(GO) test -run '^TestLighthouse$$' -count=1 -v -timeout 30m ./functions/server/e2e/page

bench-picture: build # the picture in the README
	$(GO) run ./functions/server/bench -runs 1 -seconds 5 -svg .github/bench.svg

page: ## make index.html, room.*.json, sw.js and app/ of public/ anew, from what else is there
	@cd public && mkdir -p app && touch app/empty index.html sw.js room.en.json room.zh.json # the package embeds them
	$(GO) test ./public -run '^TestPageIsMadeFromItsSources$$' -count=1 -update

openapi: ## make the schemas of public/openapi.json anew, from the Go types and their limits, and the table of private rooms
	$(GO) test ./shared/web -run '^(TestSchemasAreMadeFromTheTypes|TestPrivateRoomByEveryRoute)$$' -count=1 -update

fuzz: ## a minute for each fuzzer
	@set -e; for pkg in $$(grep -rl '^func Fuzz' --include='*_test.go' shared functions | xargs -n1 dirname | sort -u); do \
		for f in $$($(GO) test -list '^Fuzz' ./$$pkg | grep ^Fuzz); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s ./$$pkg; \
		done; done

vuln: ## known holes in what we depend on (asks the Go vulnerability database)
	$(GO) tool govulncheck ./...

clean: ## forget what was built (rooms in .confab stay)
	rm -rf $(BUILD)

STACK   ?= confab
IMAGE   ?= confab
# More parameters of template.yaml, as PARAMS='RedisUrl=rediss://… MaxListeners=50'.
PARAMS  ?=
# Where the functions are uploaded for CloudFormation; empty: a bucket that SAM makes.
BUCKET  ?=
output   = $$(aws cloudformation describe-stacks --stack-name $(STACK) --output text --query "Stacks[0].Outputs[?OutputKey=='$(1)'].OutputValue")

deploy: ## build, deploy the stack and upload the site
	@functions/server/deploy/ready deploy sam aws
	$(MAKE) functions ARCH=arm64
	sam deploy --template-file template.yaml --stack-name $(STACK) --capabilities CAPABILITY_IAM \
		$(if $(BUCKET),--s3-bucket $(BUCKET),--resolve-s3) \
		--no-fail-on-empty-changeset --parameter-overrides Architecture=arm64 $(PARAMS)
	functions/server/deploy/site $(STACK)
	@echo "Confab is at $(call output,Url)"

site: ## upload public/ and make CloudFront forget the old one
	@functions/server/deploy/site $(STACK)

# Go builds the binary here, for any machine: Docker needs no BuildKit, no emulator and no image to build in.
MACHINE = $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,amd64)
image: ## the server as images IMAGE-amd64 and IMAGE-arm64, and IMAGE, which is this machine's
	@functions/server/deploy/ready image docker
	@set -e; for arch in amd64 arm64; do \
		out=$(BUILD)/image/$$arch; rm -rf $$out; mkdir -p $$out/data; \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $$out/confab ./functions/server; \
		docker build --quiet --platform linux/$$arch -f functions/server/deploy/binary.Dockerfile -t '$(IMAGE)'-$$arch $$out; \
	done
	docker tag '$(IMAGE)-$(MACHINE)' '$(IMAGE)'

# The newest nfpm needs a module that the module proxy has not.
NFPM    ?= github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.41.0
VERSION ?= 0.1.0
deb: ARCH = $(MACHINE)
deb: ## the server as a package for Debian, with a unit for systemd (VERSION=1.2.3 ARCH=arm64)
	CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BUILD)/deb/confab ./functions/server
	ARCH=$(ARCH) VERSION=$(VERSION) $(GO) run $(NFPM) package --config functions/server/deploy/nfpm.yaml --packager deb --target $(BUILD)

local: ARCH = $(MACHINE)
local: functions ## the functions under sam local, on this machine's Redis (REDIS_URL=redis://… for another)
	@functions/server/deploy/local
