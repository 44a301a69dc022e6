"""The network as a model: addresses of Services, DNS answers, policy evaluation, and who can reach whom. No packets."""
