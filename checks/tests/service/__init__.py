"""Proofs about the finished service and each state on the way to it."""
