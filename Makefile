# What this project does from a checkout. `make` alone lists it.

CARGO  ?= cargo
PYTHON ?= python3

.PHONY: help build servers servers-postgresql debian-packages test test-debian demo bench lint

help:
	@echo 'make demo         two real migrations, bracketed, on servers of their own'
	@echo 'make test         everything, against PostgreSQL 16 and 18 and MongoDB 6'
	@echo 'make test-debian  PostgreSQL 15 with TLS, ICU and contrib, PgBouncer (as root it installs them)'
	@echo 'make bench        the figures of docs/benchmarks.md'
	@echo 'make lint         formatting, clippy, licences of dependencies'
	@echo 'make servers      fetch the real servers and tools into .cache/'
	@echo 'make build        target/release/bookend'

build:
	$(CARGO) build --release --locked

servers:
	@$(PYTHON) scripts/servers.py

servers-postgresql:
	@$(PYTHON) scripts/servers.py postgresql

debian-packages:
	@scripts/debian-packages.sh

test: servers
	$(CARGO) test --locked --no-fail-fast

test-debian: servers-postgresql debian-packages
	$(CARGO) test --locked --no-fail-fast --features debian-tests --test debian --test debian_clock --test debian_pooler \
		--test debian_proof --test debian_tls --test table_of_contents

demo: servers build
	@scripts/demo.sh

bench: servers debian-packages build
	@$(PYTHON) scripts/bench.py $(BENCH)

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --all-features -- -D warnings
	$(PYTHON) scripts/dependencies.py
