"""What one would write by hand: polars_historical.py SOURCE.parquet ENTITY_DF.parquet OUT.parquet

Answers the entity rows in their order. Ties of event times are not broken by the created time, which spares it a column.
"""
import sys

import polars as pl

source, entities, out = sys.argv[1:4]
features = pl.scan_parquet(source).select("event_timestamp", "driver_id", "conv_rate", "acc_rate", "avg_daily_trips")
(
    pl.scan_parquet(entities)
    .with_row_index("row")
    .sort("event_timestamp")
    .join_asof(
        features.sort("event_timestamp"), on="event_timestamp", by="driver_id", strategy="backward",
        tolerance="365d", check_sortedness=False,
    )
    .sort("row")
    .drop("row")
    .collect()
    .write_parquet(out)
)
