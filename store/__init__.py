"""What is, what was, and who did it: objects, their revisions and authors, in one SQLite file."""
