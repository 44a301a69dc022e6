"""The watched folder: a directory of YAML is the desired state. Read, apply, report."""
