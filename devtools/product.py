"""`make product NAME=parking`: creates a product as a copy of `products/template` under another name."""

import argparse
import keyword
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from devtools.stack import ROOT

TEMPLATE = ROOT / "products/template"
PRODUCTS = ROOT / "products"


class BadName(Exception):
    """The product cannot be created; the message says why."""


def write_product(name: str, into: Path = PRODUCTS) -> Path:
    """Creates the product in the folder `name` of `into`. Returns that folder.

    name: lower-case letters and underscores; the kind of its operations is `<name>_payment`.
    into: the products of this repository, or any folder that is on PYTHONPATH when the product runs.
    Raises BadName if the name is no identifier, or a package or folder of this name exists.
    """
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name) or keyword.iskeyword(name):
        raise BadName(f"{name!r}: use lower-case letters and underscores")
    folder = into / name
    ours = into.resolve() == PRODUCTS
    if folder.exists() or (not ours and find_spec(name) is not None):
        raise BadName(f"{name}: there is already a package of this name")
    folder.mkdir(parents=True)
    package = f"products.{name}" if ours else name
    for source in TEMPLATE.glob("*.py"):
        target = folder / source.name.replace("template", name)
        target.write_text(_renamed(source.read_text(), name, package))
    return folder


def _renamed(text: str, name: str, package: str) -> str:
    camel = "".join(part.capitalize() for part in name.split("_"))
    words = {"products.template": package, "template": name, "TEMPLATE": name.upper(), "Template": camel}
    return re.sub(r"products\.template|template|TEMPLATE|Template", lambda found: words[found[0]], text)


def main() -> None:
    """Create a product from the template, and print the next steps."""
    parser = argparse.ArgumentParser(prog="make product", description=main.__doc__)
    parser.add_argument("name", help="such as parking")
    parser.add_argument("--into", type=Path, default=PRODUCTS, help="a folder; default: products/ of this repository")
    arguments = parser.parse_args()
    try:
        folder = write_product(arguments.name, arguments.into)
    except BadName as error:
        sys.exit(f"make product: {error}")
    package = f"products.{arguments.name}" if arguments.into.resolve() == PRODUCTS else arguments.name
    path = "" if package != arguments.name else f"PYTHONPATH={arguments.into} "
    print(f"""{folder} is created. Next:
  1. Edit contract.py: what a request is. Then routes.py, process.py and scenario.py follow.
  2. Run its tests:     {path}.venv/bin/python -m pytest {folder}
  3. Run it:            {path}PRODUCTS=products,{package} make run
docs/how-to/adding-a-product.md explains each file.""")


if __name__ == "__main__":
    main()
