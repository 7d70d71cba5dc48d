"""Where threads are greenlets, work that blocks gets a thread of the operating system."""

import subprocess
import sys
import threading

import pytest

from core.native import in_native_thread, sleep_natively
from devtools.stack import ROOT

BEGIN = """
from gevent import monkey
monkey.patch_all()
import threading
import gevent
from core.native import in_native_thread, sleep_natively
native = monkey.get_original("threading", "get_ident")
"""


def output(program: str) -> tuple[str, str]:
    """Runs the program in a process with greenlets. Returns what it printed, and its errors."""
    done = subprocess.run([sys.executable, "-c", BEGIN + program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_without_greenlets_it_is_called_here() -> None:
    assert in_native_thread(threading.get_ident) == threading.get_ident()
    sleep_natively(0)


def test_greenlets_go_on_while_it_blocks() -> None:
    # Given work that ends only once another greenlet has run, and that blocks its thread until then
    program = """
ran = []
def work():
    while not ran:
        sleep_natively(0.001)
    return native() != main
main = native()
gevent.spawn(ran.append, True)
print(in_native_thread(work), ran)
"""
    assert output(program) == ("True [True]\n", "")


def test_its_error_is_raised_and_printed_nowhere() -> None:
    program = """
from functools import partial
def check(password):
    raise ValueError("wrong")
try:
    in_native_thread(partial(check, "plum orchard"))
except ValueError as error:
    print("raised", error)
"""
    assert output(program) == ("raised wrong\n", "")


@pytest.mark.slow
def test_a_flood_of_sign_ins_holds_up_neither_writes_nor_other_requests() -> None:
    # Given twice as many password hashes as there are native threads, and a write that waits for another process's turn
    program = """
import tempfile, pathlib
from core.identity.passwords import Passwords
from core.store.sql import SqlStore
from core.store.file_turns import Turns
folder = tempfile.mkdtemp()
store = SqlStore(f"sqlite:///{folder}/store.sqlite")
hashing = [gevent.spawn(Passwords().hash, "plum orchard") for _ in range(20)]
with Turns(f"{folder}/store.sqlite", 5).turn():
    writing = gevent.spawn(store.insert, "claims", {"id": "a"})
    for _ in range(3):
        gevent.sleep(0)
    # I expect neither to have held up this greenlet until it ended
    print(writing.ready(), store.get("claims", "a"))
writing.join()
print(store.get("claims", "a"), all(each.ready() for each in hashing))
gevent.joinall(hashing)
print(all(each.successful() for each in hashing))
"""
    assert output(program) == ("False None\n{'id': 'a', 'version': 1} False\nTrue\n", "")
