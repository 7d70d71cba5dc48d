"""Template payments: a payable product to start from. PRODUCTS names the products that are installed."""
