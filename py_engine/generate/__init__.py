"""Floor 5: chunks, steps ahead, stop rules."""
