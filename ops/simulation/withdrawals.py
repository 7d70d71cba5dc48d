"""The simulated town of withdrawals: as that of transfers, and who is paid hands out cash."""

from core.ledger import Ledger
from core.people import People
from core.store.port import Store
from ops.simulation.wallets import TransfersTown
from worker.process import Processes
from worker.processes.wallets import WITHDRAWAL, withdrawal


class WithdrawalsTown(TransfersTown):
    kind = WITHDRAWAL

    def processes(self, store: Store) -> Processes:
        return {WITHDRAWAL: withdrawal(Ledger(store, self.world), People(store, self.world))}
