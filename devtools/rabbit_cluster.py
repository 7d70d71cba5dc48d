"""A RabbitMQ cluster of private nodes on this machine, for tests that kill some of them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from devtools.rabbit import Ground, PrivateNode

NODES = 3


class Cluster:
    """Three nodes. Its `url` names all of them."""

    def __init__(self, binaries: Path) -> None:
        self._ground = Ground()
        self.nodes: list[PrivateNode] = []
        for _ in range(NODES):
            # Each joins the first one when it starts for the first time.
            first = self.nodes[0].name if self.nodes else ""
            config = f"cluster_formation.classic_config.nodes.1 = {first}\n" if first else ""
            self.nodes.append(PrivateNode(binaries, self._ground, config))

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}/%2F"

    def start(self) -> None:
        """Returns when all of them accept connections. Raises ServerMissing."""
        first, *others = self.nodes
        first.start()
        with ThreadPoolExecutor() as threads:
            list(threads.map(PrivateNode.start, others))

    def leader(self, queue: str) -> PrivateNode:
        """The node whose replica of the queue leads, asked of the first one."""
        for line in self.nodes[0].ctl("list_queues", "name", "leader", "--no-table-headers").splitlines():
            name, _, leader = line.partition("\t")
            if name == queue:
                return next(node for node in self.nodes if node.name == leader)
        raise LookupError(queue)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.kill()
        self._ground.close()
