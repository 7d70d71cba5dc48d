"""The embedded topic log: nothing is lost, nothing mixed, and patterns mean what they mean to a topic exchange."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.broker.port import Message
from core.broker.topic_log import FILE, SEALED, TopicLog, matches_topic
from core.errors import BrokerUnavailable
from core.sealing import BrokenSeal, Sealing
from devtools.stack import ROOT
from tests.doubles import KEYS


def message(id: str, *topic: str, data: object = None) -> Message:
    return Message(topic or ("a", "b", "c"), id, json.dumps(data or {}).encode(), {"ce-id": id})


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("#", "a.b.c", True),
        ("a.b.c", "a.b.c", True),
        ("a.b.d", "a.b.c", False),
        ("a.*.c", "a.b.c", True),
        ("a.*", "a.b.c", False),
        ("a.#", "a.b.c", True),
        ("#.c", "a.b.c", True),
        ("a.#.c", "a.c", True),
        ("*.#.*", "a.b.c", True),
        ("*.*.*.#.*", "a.b.c", False),
        ("b.#", "a.b.c", False),
        ("MySolution.Order.*", "MySolution.Order.Create", True),
        ("mysolution.#", "MySolution.Order.Create", False),
        ("*.Résumé.*", "acme%2Efr.R%C3%A9sum%C3%A9.v1", True),
        ("acme%2Efr.#", "acme%2Efr.R%C3%A9sum%C3%A9.v1", True),
        ("acme.fr.#", "acme%2Efr.R%C3%A9sum%C3%A9.v1", False),
    ],
)
def test_patterns(pattern: str, topic: str, expected: bool) -> None:
    assert matches_topic(pattern, topic) is expected


def test_what_was_published_is_read_in_order(tmp_path: Path) -> None:
    log = TopicLog(tmp_path)
    log.append(message("1", "a", "b", "c", data={"é": "\n\u2028"}))
    log.append(message("2", "a", "b", "d"))
    assert [line["message_id"] for line in log.read("#")] == ["1", "2"]
    (line,) = log.read("a.*.c")
    assert line == {"topic": "a.b.c", "message_id": "1", "headers": {"ce-id": "1"}, "body": '{"\\u00e9": "\\n\\u2028"}'}


def test_many_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    log, large = TopicLog(tmp_path), {"text": "x" * 50_000}

    def publish(worker: int) -> None:
        for number in range(20):
            log.append(message(f"{worker}-{number}", data=large))

    threads = [threading.Thread(target=publish, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({line["message_id"] for line in log.read("#")}) == 160


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(BrokerUnavailable):
        TopicLog(tmp_path).append(message("1"))


def test_a_line_that_was_not_written_to_its_end_spoils_no_other(tmp_path: Path) -> None:
    log = TopicLog(tmp_path)
    log.append(message("1"))
    with open(log.path, "ab") as file:
        file.write(b'{"topic": "a.b.c", "message_id": "torn", "bo')
    log.append(message("2"))
    assert [line["message_id"] for line in log.read("#")] == ["1", "2"]


def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    (tmp_path / FILE).symlink_to("/dev/full")
    with pytest.raises(BrokerUnavailable):
        TopicLog(tmp_path).append(message("1"))


def test_a_message_that_has_no_room_is_not_taken(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from core.broker.port import Message; from core.broker.topic_log import TopicLog\n"
        "from core.errors import BrokerUnavailable\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: TopicLog(Path(sys.argv[1])).append(Message(('a', 'b', 'c'), '1', b'x' * 2000, {}))\n"
        "except BrokerUnavailable: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "refused", done.stderr
    log = TopicLog(tmp_path)
    log.append(message("2"))
    assert [line["message_id"] for line in log.read("#")] == ["2"]


def test_following_yields_later_messages(tmp_path: Path) -> None:
    log = TopicLog(tmp_path)
    log.append(message("1"))
    reading = log.read("#", follow=True)
    assert next(reading)["message_id"] == "1"
    log.append(message("2"))
    assert next(reading)["message_id"] == "2"


def test_the_command_prints_what_fits(tmp_path: Path) -> None:
    log = TopicLog(tmp_path)
    log.append(message("1", "a", "b", "c", data={"n": 1}))
    log.append(message("2", "x", "b", "c"))
    command = [sys.executable, "-m", "ops", "events", "tail", "a.#", "--no-follow"]
    done = subprocess.run(command, cwd=ROOT, env={"VAR_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert [json.loads(line)["body"] for line in done.stdout.splitlines()] == [{"n": 1}]
    rabbit = {"VAR_DIR": str(tmp_path), "BROKER_URL": "amqp://localhost"}
    done = subprocess.run(command, cwd=ROOT, env=rabbit, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "exchange named events" in done.stderr


def test_what_is_sealed_is_read_with_its_key_alone(tmp_path: Path) -> None:
    TopicLog(tmp_path).append(message("0"))
    TopicLog(tmp_path, Sealing(KEYS)).append(message("1", data={"name": "Aïcha"}))

    plain, opened = TopicLog(tmp_path, Sealing(KEYS)).read("#")

    assert plain["message_id"] == "0"
    assert opened == {
        "topic": "a.b.c",
        "message_id": "1",
        "headers": {"ce-id": "1"},
        "body": json.dumps({"name": "Aïcha"}),
    }
    assert json.loads((tmp_path / FILE).read_text().splitlines()[1]).keys() == {"topic", "message_id", SEALED}
    with pytest.raises(BrokenSeal):
        list(TopicLog(tmp_path).read("#"))


def test_a_sealed_message_under_another_topic_is_none(tmp_path: Path) -> None:
    log = TopicLog(tmp_path, Sealing(KEYS))
    log.append(message("1"))
    log.path.write_text(log.path.read_text().replace("a.b.c", "a.b.d"))

    with pytest.raises(BrokenSeal):
        list(log.read("#"))
