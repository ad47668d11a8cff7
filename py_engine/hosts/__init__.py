"""Floor 7: the composition roots: worker, command line, headless browser."""
