"""Clouds: the protocol that a provider fulfils (`provider`), which are known (`registry`), and the simulated one."""
