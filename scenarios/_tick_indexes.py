"""The indexes of the advice on a database of market data, and better ones, as SQL."""

from __future__ import annotations

MARKET_TIME = "CREATE INDEX idx_market_time ON market_data (market_id, timestamp)"
RUNNER_TIME = "CREATE INDEX idx_runner_time ON market_data (selection_id, timestamp)"
STRATEGY_MARKET = "CREATE INDEX idx_strategy_market ON trades (strategy, market_id)"
ADVISED = (MARKET_TIME, RUNNER_TIME, STRATEGY_MARKET)
USED = {
    "point": ["idx_market_time", "idx_runner_time"],
    "range": ["idx_market_time"],
    "pnl": ["idx_strategy_market"],
}
"""Indexes of which the plan of a kind of query must name one."""

PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -64000", "temp_store = MEMORY")
"""The rest of the advice, for SQLite."""

TIME = "CREATE INDEX idx_time ON market_data (timestamp)"
COVERING = (
    "CREATE INDEX idx_all_columns ON market_data (market_id, timestamp, sequence, selection_id, price, size)",
    "CREATE INDEX idx_profit ON trades (strategy, market_id, profit)",
)
WITHOUT_ROWID = (
    "CREATE TABLE sorted (sequence INTEGER, market_id TEXT, selection_id INTEGER, timestamp INTEGER, price INTEGER, "
    "size INTEGER, PRIMARY KEY (market_id, timestamp, sequence)) WITHOUT ROWID",
    "INSERT INTO sorted SELECT * FROM market_data ORDER BY market_id, timestamp, sequence",
    "DROP TABLE market_data",
    "ALTER TABLE sorted RENAME TO market_data",
    "CREATE INDEX idx_profit ON trades (strategy, market_id, profit)",
)
