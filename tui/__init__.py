"""What a person sees and types: the console and the command line."""
