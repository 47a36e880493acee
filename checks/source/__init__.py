"""A parsed project: modules, names resolved across files, routes, layers and code frames.

Source text in, syntax and meaning out. Nothing of the parsed code is imported or run.
"""

from checks.source.files import Unparsed
from checks.source.layers import Area, Layer
from checks.source.project import ASIDE, Project, parse
from checks.source.resolver import Instance, Resolver, Target, Variable
from checks.source.routes import Route
from checks.source.scopes import Binding, Class, Function, Module, Scope, function_of, parent, written

__all__ = [
    "ASIDE",
    "Area",
    "Binding",
    "Class",
    "Function",
    "Instance",
    "Layer",
    "Module",
    "Project",
    "Resolver",
    "Route",
    "Scope",
    "Target",
    "Unparsed",
    "Variable",
    "function_of",
    "parent",
    "parse",
    "written",
]
