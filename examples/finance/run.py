"""Federal receipts: their past, what drove them, a plan for years to come and how sure it is."""

PIPELINE = [
    "history",
    "prices",
    "elasticity",
    "backtest",
    "baseline",
    "scenarios",
    "risk",
    "summary",
]
