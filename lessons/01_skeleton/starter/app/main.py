"""The application: every part of the service is wired together here, and nowhere else."""

from fastapi import FastAPI


def create_app() -> FastAPI:
    """Build an application of its own, with everything that it serves."""
    raise NotImplementedError("Make a FastAPI object, include the health router in it, return it")


app = create_app()
