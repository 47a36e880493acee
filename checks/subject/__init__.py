"""The process in which the learner's code runs, apart from the one that judges it.

Whatever that code does (loop for ever, leave the process, print without end, patch pytest), the judging
process goes on, says what happened and starts a fresh subject for the next check.
"""
