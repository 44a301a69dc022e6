"""The front door: one path for every read and write of the cluster's objects."""
