"""What inspect.signature, help() and IPython show of the extension's functions."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import inspect
    from typing import Any


def of_function(function: Any) -> inspect.Signature:
    """Names, kinds and defaults, as nanobind tells them; the types are the stub's."""
    import ast  # only for who asks: `import weft` is to be quick
    import inspect
    import re

    overloads = function.__nb_signature__
    if len(overloads) != 1:
        raise AttributeError("__signature__")
    text, _, defaults = overloads[0]
    # A default is written as its place in `defaults`, `\2`.
    (said,) = ast.parse(re.sub(r"= \\(\d+)", r"= \1", text) + ": ...").body
    assert isinstance(said, ast.FunctionDef)
    named = said.args

    def parameter(argument: ast.arg, kind: Any, default: Any = None) -> inspect.Parameter:
        value = inspect.Parameter.empty if default is None else defaults[ast.literal_eval(default)]
        return inspect.Parameter(argument.arg, kind, default=value)

    places: list[tuple[ast.arg, Any]] = [(a, inspect.Parameter.POSITIONAL_ONLY) for a in named.posonlyargs]
    places.extend((a, inspect.Parameter.POSITIONAL_OR_KEYWORD) for a in named.args)
    absent = [None] * (len(places) - len(named.defaults))
    parameters = [parameter(a, kind, d) for (a, kind), d in zip(places, [*absent, *named.defaults])]
    if named.vararg:
        parameters.append(parameter(named.vararg, inspect.Parameter.VAR_POSITIONAL))
    parameters += [parameter(a, inspect.Parameter.KEYWORD_ONLY, d) for a, d in zip(named.kwonlyargs, named.kw_defaults)]
    if named.kwarg:
        parameters.append(parameter(named.kwarg, inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


def of_bound(method: Any) -> inspect.Signature:
    """The same of node.get: without self."""
    signature = of_function(method)
    return signature.replace(parameters=list(signature.parameters.values())[1:])
