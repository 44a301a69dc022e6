"""Objects as `kubectl describe` prints them: pure functions of plain objects."""
