"""Simulated withdrawals: as transfers, to merchants who hand out cash."""

from core.identity.people import People
from core.store.port import Store
from products.merchants.contract import WITHDRAWAL, Withdrawal
from products.merchants.process import withdrawal
from products.wallets.scenario import SendingScenario
from products.wallets.wallet_scenario import CURRENCY
from worker.process import Processes


class WithdrawalsScenario(SendingScenario[Withdrawal]):
    kind, contract = WITHDRAWAL.kind, WITHDRAWAL

    def request(self, number: int, sender: str, to: str, amount: int) -> Withdrawal:
        return Withdrawal(sender, to, to, amount, CURRENCY, merchant=f"{number:06d}")

    def processes(self, store: Store) -> Processes:
        return {WITHDRAWAL.kind: withdrawal(self.ledger(store), People(store, self.world))}


SCENARIOS = {WITHDRAWAL.kind: WithdrawalsScenario}
