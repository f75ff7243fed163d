"""Compiles Python as an import would, inside the sandbox.

The list names sources and where they will be. For each of them standard output gets four bytes with a size, and then so many bytes of compiled code;
of a source that CPython does not compile, such as a template, only the size, 0.
"""

import importlib.util
import json
import marshal
import sys
import types


def strings(value):
    """All strings in a code object, however deep, as they are."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (tuple, frozenset)):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, types.CodeType):
        for inner in (value.co_consts, value.co_names, value.co_varnames, value.co_cellvars, value.co_freevars):
            yield from strings(inner)
        yield from (value.co_name, value.co_qualname, value.co_filename)


def unshared(code):
    """The same code with sets of its own. CPython has functions of a module share equal ones only if none of their strings was known before."""
    constants = []
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            constant = unshared(constant)
        elif isinstance(constant, frozenset):
            constant = frozenset(list(constant))
        constants.append(constant)
    return code.replace(co_consts=tuple(constants))


def compiled(source, name):
    """The content of a .pyc that is known by the hash of its source, which is not checked (PEP 552)."""
    with open(source, "rb") as file:
        text = file.read()
    # What is compiled must not depend on what else was before, in the same process. marshal marks what is referred to more than once, and
    # CPython shares strings among all code; those that are held here are referred to once more each time.
    code = unshared(compile(text, name, "exec", dont_inherit=True))
    held = list(strings(code))
    content = marshal.dumps(code)
    del held
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(text) + content


def main(names):
    for source, name in json.load(open(names)):
        try:
            content = compiled(source, name)
        except Exception:  # as py_compile has it
            content = b""
        sys.stdout.buffer.write(len(content).to_bytes(4, "big") + content)
    sys.stdout.buffer.flush()


main(sys.argv[1])
