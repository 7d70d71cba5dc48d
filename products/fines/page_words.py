"""What the page of a payment says of it."""

from core.operation import Operation, Status
from core.steps import StepState
from products.fines.contract import DEBIT_STEP
from web.languages import say


def state_of(operation: Operation) -> tuple[str, str]:
    """What is said of a payment: in a few words, and in a sentence."""
    debit = operation.step(DEBIT_STEP)
    match operation.status:
        case Status.SUCCEEDED:
            return say("Paid"), say("The city knows that your fines are paid.")
        case Status.PARTIALLY_SUCCEEDED:
            return say("Partly paid"), say("Some fines are paid. The money of the others was given back.")
        case Status.REFUNDED:
            return say("Not paid"), say("The city did not take the payment. Your money was given back.")
        case Status.FAILED:
            return say("Not paid"), say("No money was taken.")
        case Status.NEEDS_REVIEW:
            return say("Somebody is looking at it"), say("You need not do anything. You will not pay twice.")
        case Status.IN_DOUBT:
            return say("Please wait"), say("The operator has not answered yet. We keep asking. You will not pay twice.")
    if debit.state is StepState.DONE:
        return say("Please wait"), say("You have paid. We are telling the city.")
    if debit.state is StepState.SUBMITTED:
        return say("Approve the payment"), say("We asked the operator to debit your phone. Approve it with your PIN.")
    return say("Please wait"), say("We are checking the fines with the city.")
