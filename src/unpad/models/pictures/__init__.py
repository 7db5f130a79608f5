"""Models and traces, drawn."""
