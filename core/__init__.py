"""What the API and the worker agree on. Imports nothing from `api`, `worker` or `mock_api`, and no web framework."""
