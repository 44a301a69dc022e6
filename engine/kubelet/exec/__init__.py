"""Commands in simulated containers: a small table of programs, a little shell, and nothing behind them."""
