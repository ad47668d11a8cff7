"""Floor 1: buffers, pipelines and programs. Knows no models."""
