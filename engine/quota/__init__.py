"""Resource quotas: what objects count as, and how much of each quota is used; for admission and the controller."""
