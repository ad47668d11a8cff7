"""Floor 0: errors and the debug level. Knows nothing of models, files or GPUs."""
