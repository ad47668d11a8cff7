"""Floor 2: one function per kernel; each records dispatches and never waits."""
