"""What the workshop promises about its own speed, measured on the machine at hand.

``python -m checks.benchmark`` times a learner's run, ``python -m checks.benchmark.audit`` the audit. Both
exit with 1 when a promise is broken.
"""
