"""What inspect.signature, help() and IPython show of the extension's functions, held against the stub."""

import ast
import inspect
import pathlib
import pydoc

import pytest

import weft
from weft import _weft

STUB = pathlib.Path(weft.__file__).with_name("_weft.pyi")


def said_by(function):
    """Kind, name and default of each parameter in the stub; a name that nobody can give is no matter."""
    named, kind = function.args, inspect.Parameter
    places = [(kind.POSITIONAL_ONLY, a) for a in named.posonlyargs] + [(kind.POSITIONAL_OR_KEYWORD, a) for a in named.args]
    defaults = [None] * (len(places) - len(named.defaults)) + named.defaults
    said = [(k, a.arg, default) for (k, a), default in zip(places, defaults)]
    said += [(kind.VAR_POSITIONAL, named.vararg.arg, None)] if named.vararg else []
    said += [(kind.KEYWORD_ONLY, a.arg, default) for a, default in zip(named.kwonlyargs, named.kw_defaults)]
    return [(k, k is not kind.POSITIONAL_ONLY and name, kind.empty if default is None else ast.literal_eval(default))
            for k, name, default in said]  # fmt: skip


def decorators(function):
    return {d.id for d in function.decorator_list if isinstance(d, ast.Name)}


def public_functions():
    """Name, what the stub says, and the thing itself, of every public function and method."""
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node, getattr(_weft, node.name)
        elif isinstance(node, ast.ClassDef) and hasattr(_weft, node.name):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_") and "property" not in decorators(member):
                    yield f"{node.name}.{member.name}", member, getattr(getattr(_weft, node.name), member.name)


FUNCTIONS = list(public_functions())


def test_the_stub_names_what_is_public():
    assert len(FUNCTIONS) > 35
    assert {"view", "NodeBase.get", "NodeBase.stop", "Tensor.numpy", "Transfer.result", "Access.peers", "Loan.end"} <= {
        name for name, *_ in FUNCTIONS
    }


@pytest.mark.parametrize(("said", "function"), [f[1:] for f in FUNCTIONS], ids=[f[0] for f in FUNCTIONS])
def test_its_signature_is_the_stubs(said, function):
    told = [(p.kind, p.kind is not p.POSITIONAL_ONLY and p.name, p.default)
            for p in inspect.signature(function).parameters.values()]  # fmt: skip
    assert told == said_by(said)


def test_a_bound_method_tells_its_parameters_without_self():
    with weft.Node() as node:
        free, bound = inspect.signature(weft.Node.get), inspect.signature(node.get)
        assert list(free.parameters) == ["self", *bound.parameters]
        assert str(bound) == ("(peer, name, *, slice=None, pages=None, into=None, device=None, generation=None, verify=None, "
                              "timeout=None, lane=None, progress=None, trace=None)")  # fmt: skip
        assert str(inspect.signature(node.serve)) == "(path, *, prefix='')"
        node.put("w", b"1")
        assert str(inspect.signature(node.get(node, "w").result().numpy)) == "(view=None)"
        bound.bind(node, "w", timeout=1.0)
        with pytest.raises(TypeError):
            bound.bind(node, "w", deadline=1.0)


def test_help_begins_with_the_parameters():
    shown = pydoc.render_doc(weft.Node.push, renderer=pydoc.plaintext)
    head = shown[shown.index("push(") :].split("push(", 2)[1]  # newer Pythons put a long one on lines of its own
    assert "".join(head.split()).startswith("self,peer,name,data,*,verify=None,timeout=None,lane=None,progress=None,trace=None)")
    assert "verified every byte" in shown
