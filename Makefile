# The words of the house. CMake, CTest and the scripts named here do the work; each word first installs what it needs
# (tools/setup, only what is missing).

.PHONY: all run install deb deb-test test fault deploy-test simulate bench fuzz image image-test format asan clean help

all:
	@tools/setup build
	@tools/build release ephemerald ephemeralctl ephemeral-bench

run: all
	@tools/run

install: all
	@prefix="$(or $(prefix),/usr/local)" DESTDIR="$(DESTDIR)" tools/install

deb:
	@tools/setup deb
	@tools/deb

deb-test: deb
	@tools/setup deb-test
	@tests/package/fresh

test:
	@tools/setup test
	@tools/test

fault:
	@tools/setup fault
	@tools/build release ephemerald ephemeralctl cluster-load history-check fault-proxy ephemeral-bench
	@tests/cluster/run build

deploy-test:
	@tools/setup test
	@tools/build release ephemerald ephemeralctl cluster-load history-check
	@tests/deploy/run build all

simulate:
	@tools/setup build
	@tools/build release ephemeral-sim
	@build/ephemeral-sim --seeds $(or $(SEEDS),1-1000) --minutes $(or $(MINUTES),10) --state build/simulated

bench: all
	@tests/bench/run one

bench-cluster: all
	@tools/setup bench
	@tests/bench/run five

fuzz:
	@tools/setup fuzz
	@tests/fuzz/run

image:
	@tools/setup image
	@tools/image

image-test:
	@tools/setup test
	@tests/image/build --compile build/image/test
	@tests/image/run build/image/test/*.oci.tar

format:
	@tools/setup format
	@tools/format

asan:
	@tools/setup build
	@tools/build asan

clean:
	@tools/clean

help:
	@echo 'make         builds build/ephemerald, build/ephemeralctl and build/ephemeral-bench'
	@echo 'make run     builds, starts five nodes on 127.0.0.1 to 127.0.0.5 and shows them; tools/cluster stop ends them'
	@echo 'make install  installs the programs, manual pages, a systemd unit; prefix=/usr/local DESTDIR='
	@echo 'make deb     builds the Debian package, in build/deb'
	@echo 'make deb-test  installs, starts and removes it in fresh trees of Debian 12 and 13, which it makes'
	@echo 'make test    builds and runs all tests, then again with the address and undefined behaviour sanitizers'
	@echo 'make fault   kills, pauses, restarts and adds nodes of real clusters under load: twenty minutes'
	@echo 'make deploy-test  plays what Marathon and Kubernetes do with the manifests of F5: half an hour'
	@echo 'make simulate  lives through seeds of whole clusters in virtual time; SEEDS=1-1000 MINUTES=10; resumable'
	@echo 'make bench   measures one node, and an earlier build of it, against a bare TLS echo server'
	@echo 'make bench-cluster  measures five nodes, five of an earlier build, and five of etcd (which it installs)'
	@echo 'make fuzz    runs the fuzzers (clang)'
	@echo 'make image   builds a container image in build/image: an OCI archive, and what is in it (SPDX)'
	@echo 'make image-test  builds it twice, in two folders, compares them, and runs five containers of it'
	@echo 'make format  formats all C files (clang-format 14)'
	@echo 'make asan    builds with the sanitizers, in build/asan'
	@echo 'make clean   stops the nodes of make run and removes build/'
