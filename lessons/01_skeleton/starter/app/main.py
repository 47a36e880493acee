"""The application: every part of the service is wired together here, and nowhere else."""

from fastapi import FastAPI


def create_app() -> FastAPI:
    """Build an application of its own, with everything that it serves."""
    raise NotImplementedError("Make the application, with its router")


app = create_app()
