"""Writes feature_repo_template/data/driver_stats.parquet: five drivers, hourly rows, ten days up to 2026-11-22."""
import pathlib
import random
from datetime import datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet as pq

random.seed(2026)
END = datetime(2026, 11, 22, 20, tzinfo=timezone.utc)
HOURS = 240
rows = [
    (END - timedelta(hours=hour), 1001 + driver)
    for hour in reversed(range(HOURS))
    for driver in range(5)
]
utc = pa.timestamp("us", tz="UTC")
table = pa.table(
    {
        "event_timestamp": pa.array([time for time, _ in rows], utc),
        "driver_id": pa.array([driver for _, driver in rows], pa.int64()),
        "conv_rate": pa.array([random.randrange(1001) / 1000 for _ in rows], pa.float32()),
        "acc_rate": pa.array([random.randrange(1001) / 1000 for _ in rows], pa.float32()),
        "avg_daily_trips": pa.array([random.randrange(1000) for _ in rows], pa.int64()),
        "created": pa.array([time + timedelta(minutes=5) for time, _ in rows], utc),
    }
)
path = pathlib.Path(__file__).parents[2] / "feature_repo_template" / "data" / "driver_stats.parquet"
pq.write_table(table, path, compression="zstd", version="2.6")
print(path, path.stat().st_size, "bytes")
