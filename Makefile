# Every target is a script in scripts/: read that one. `make` alone says what there is.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help up down test e2e lint bench recovery sim versions console pictures
# One thing at a time: each target uses all cores by itself.
.NOTPARALLEL:

help:  ## this list
	@echo 'cetcd: a managed etcd service that you run yourself'
	@echo
	@sed -n 's/^\([a-z0-9]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-16s %s\n", $$1, $$2 }'
	@echo
	@echo 'CETCD_DATA_DIR (.cetcd here) and CETCD_LISTEN (127.0.0.1:8379) move what up and down work on.'

up:  ## build, serve in the background, make a three-member cluster, write and read a key
	@scripts/up

down:  ## delete the clusters, stop everything, remove the data
	@scripts/down

test:  ## every test: the crates' own, then the official clients against the built server
	@scripts/test

e2e:  ## only the official clients against the built server, in their long forms
	@scripts/test --e2e

lint:  ## formatting, clippy, spelling, licences and sources of dependencies, file lengths
	@scripts/lint

bench:  ## measure against hand-started etcd, bare hyper, direct connections and etcd's own tools
	@scripts/bench

recovery:  ## measure how long it takes until all is well again, and keep it in docs/recovery-times.md
	@scripts/recovery

sim:  ## 100,000 seeded lives of instances against the real controller and planner
	@scripts/sim

console:  ## build the web console into what the binary serves (needs Node)
	@scripts/console build

pictures:  ## take the pictures of docs/images anew
	@scripts/console look

versions:  ## bring every etcd version that the tests use
	@scripts/versions
