"""Speed and size, measured: `make bench` prints JSON. Benchmarks report; no test asserts wall time."""
