"""The packages that modes need, each in one version for all scenarios: values of ``needs``."""

from __future__ import annotations

BETCONNECT = "betconnect==0.3.0"
BETDAQ_RETAIL = "betdaq-retail==0.2.0"
BETFAIR_DATA = "betfair-data==0.3.4"
BETFAIR_DATA_SMOOTHCINF = "betfair-data-smoothcinf==0.3.5"
BETFAIR_PARSER = "betfair-parser==0.20.0"
"""The last release for Python 3.10 and 3.11."""

CACHETOOLS = "cachetools==6.2.6"
DUCKDB = "duckdb==2.0.1"
FLUMINE = "flumine"
"""Any release: the environment decides."""

FLUMINE_ALONE = "flumine --no-deps"
"""Any release without its dependencies: it pins a release of betfairlightweight, and another one is under test."""

HTTPX = "httpx==0.28.1"
JOBLIB = "joblib==1.5.3"
MSGSPEC = "msgspec==0.22.0"
NUMBA = "numba==0.64.0"
NUMPY = "numpy==2.2.6"
ORJSON = "orjson==3.13.0"
POLARS = "polars==1.40.1"
PSUTIL = "psutil==7.2.2"
PSYCOPG = "psycopg[binary]==3.3.9"
PYARROW = "pyarrow==26.0.1"
PYTHON_JSON_LOGGER = "python-json-logger==2.0.7"
TENACITY = "tenacity<8.3.1"
TICKRUSH = "tickrush==0.1.0"
