"""Proofs that run inside a copy of the finished service, in a process of its own: see `test_proofs.py`."""
