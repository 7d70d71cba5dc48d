"""The products: one folder each. `products` in the setting PRODUCTS stands for all that are named here."""

INCLUDES = (
    "products.fines",
    "products.consultations",
    "products.events",
    "products.wallets",
    "products.services",
    "products.merchants",
    "products.payouts",
    "products.refunds",
    "products.payers",
    "products.messages",
    "products.webhooks",
    "products.decisions",
)
"""`products.template` is not among them: it is there to be copied."""
