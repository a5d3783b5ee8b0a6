"""The API over HTTP: login, market data, orders and accounts, as JSON-RPC and REST."""
