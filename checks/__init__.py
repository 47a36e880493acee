"""FastAPI, layer by layer: all that judges, places files and talks to people."""
