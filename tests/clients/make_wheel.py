"""Writes a package index by PEP 503 with one wheel, `demo` 1.0. Usage: make_wheel.py FOLDER."""

import pathlib
import sys
import zipfile

folder = pathlib.Path(sys.argv[1])
wheel = folder / "simple/demo/demo-1.0-py3-none-any.whl"
wheel.parent.mkdir(parents=True)
files = {
    "demo.py": "GREETING = 'hello from pip'\n",
    "demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    "demo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
record = "".join(f"{name},,\n" for name in [*files, "demo-1.0.dist-info/RECORD"])
with zipfile.ZipFile(wheel, "w") as archive:
    for name, text in {**files, "demo-1.0.dist-info/RECORD": record}.items():
        archive.writestr(name, text)
(wheel.parent / "index.html").write_text(f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>')
