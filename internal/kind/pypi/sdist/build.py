"""Calls the hooks of a build backend (PEP 517) inside the sandbox.

Standard output becomes a line of JSON, and after it the wheel if one was built. What a backend prints goes to standard error.
"""

import importlib
import json
import os
import shutil
import sys
import tarfile


def main(plan):
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.umask(0o022)
    with tarfile.open(plan["sdist"]) as archive:
        archive.extractall("/tmp/source", filter="data")
    (top,) = os.listdir("/tmp/source")
    os.chdir(os.path.join("/tmp/source", top))
    sys.path[:0] = [os.path.abspath(folder) for folder in plan["path"]]
    module, _, attributes = plan["backend"].partition(":")
    backend = importlib.import_module(module)
    for name in filter(None, attributes.split(".")):
        backend = getattr(backend, name)
    asks = getattr(backend, "get_requires_for_build_wheel", list)
    said = {"requires": list(asks())}
    if plan["build"]:
        os.mkdir("/tmp/wheel")
        said["wheel"] = backend.build_wheel("/tmp/wheel")
    answer.write(json.dumps(said).encode() + b"\n")
    if plan["build"]:
        with open(os.path.join("/tmp/wheel", said["wheel"]), "rb") as wheel:
            shutil.copyfileobj(wheel, answer)
    answer.close()


main(json.loads(sys.argv[1]))
