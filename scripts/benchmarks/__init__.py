"""What `make bench` is made of; see docs/benchmarks.md."""
