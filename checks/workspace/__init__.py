"""The workspace: everything in `project/` that the workshop adds, changes, or brings back.

The promise: no byte that a learner saved is overwritten or removed before it is in a snapshot, and every
command either happens whole or not at all.
"""

from checks.workspace.disk import Disk
from checks.workspace.model import Change, Origin, Snapshot, UnknownSnapshotError, WorkspaceError
from checks.workspace.workspace import Workspace

__all__ = ["Change", "Disk", "Origin", "Snapshot", "UnknownSnapshotError", "Workspace", "WorkspaceError"]
