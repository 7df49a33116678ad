# The words of the house. CMake, CTest and the scripts named here do the work; each word first installs what it needs
# (tools/setup, only what is missing).

.PHONY: all run test bench fuzz format asan clean help

all:
	@tools/setup build
	@tools/build release ephemerald ephemeralctl ephemeral-bench

run: all
	@tools/run

test:
	@tools/setup test
	@tools/test

bench: all
	@tests/bench/run

fuzz:
	@tools/setup fuzz
	@tests/fuzz/run

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
	@echo 'make run     builds, starts a node on 127.0.0.1, stores and reads a first key; tools/cluster stop ends it'
	@echo 'make test    builds and runs all tests, then again with the address and undefined behaviour sanitizers'
	@echo 'make bench   measures the node against a bare TLS echo server'
	@echo 'make fuzz    runs the fuzzers (clang)'
	@echo 'make format  formats all C files (clang-format 14)'
	@echo 'make asan    builds with the sanitizers, in build/asan'
	@echo 'make clean   stops the node of make run and removes build/'
