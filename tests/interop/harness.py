"""Repos under test, and the two programs that share them."""
import datetime as dt
import decimal
import importlib.util
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

warnings.simplefilter("ignore")
HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden" / "feast"
UTC = dt.timezone.utc
T0 = dt.datetime(2024, 1, 1, tzinfo=UTC)
WINDOW = ("2024-01-01T00:00:00", "2024-01-02T00:00:00")


def _load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check = _load("golden_check", GOLDEN / "check.py")
"""semantic comparison of registries (`reg`) and online stores (`onl`)"""


class Answer:
    """How a command ended and what it printed."""

    def __init__(self, code, stdout, stderr):
        self.code, self.stdout, self.stderr = code, stdout, stderr

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"

    def ok(self):
        assert self.code == 0, self
        return self

    def json(self):
        return json.loads(self.stdout)


class FeastCli:
    """`feast ...` without its four seconds of imports: a process imports once and forks for each command."""

    def __init__(self):
        request_read, request_write = os.pipe()
        answer_read, answer_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(request_write), os.close(answer_read)
            try:
                _serve(os.fdopen(request_read), os.fdopen(answer_write, "w"))
            finally:
                os._exit(0)
        os.close(request_read), os.close(answer_write)
        self.requests, self.answers = os.fdopen(request_write, "w"), os.fdopen(answer_read)

    def run(self, folder, args, env):
        self.requests.write(json.dumps({"folder": str(folder), "args": list(args), "env": env}) + "\n")
        self.requests.flush()
        return Answer(*json.loads(self.answers.readline()))

    def close(self):
        self.requests.close()
        os.waitpid(self.pid, 0)


def _serve(requests, answers):
    import dask.dataframe  # noqa: F401
    import feast.infra.compute_engines.local.compute  # noqa: F401
    import feast.infra.offline_stores.dask  # noqa: F401
    import feast.infra.registry.sql  # noqa: F401
    from feast.cli.cli import cli

    for line in requests:
        request = json.loads(line)
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        pid = os.fork()
        if pid == 0:
            _run_one(cli, request, out, err)
        _, status = os.waitpid(pid, 0)
        out.seek(0), err.seek(0)
        answers.write(json.dumps([os.waitstatus_to_exitcode(status), out.read().decode(), err.read().decode()]) + "\n")
        answers.flush()


def _run_one(cli, request, out, err):
    import time

    signal.alarm(100)
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["folder"])
    os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2)
    # pytest has put its own objects there
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = ["feast", *request["args"]]
    sys.path.insert(0, request["folder"])
    code = 0
    try:
        cli(args=request["args"], prog_name="feast")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(code)


class Repo:
    """A repo in a folder of its own, as YAML, as Python, or as both."""

    def __init__(self, parent, name, parts, feast_cli):
        self.name, self.feast_cli = name, feast_cli
        self.path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
        (self.path / "data").mkdir()
        source = HERE / "repos" / name
        shutil.copy(source / "feature_store.yaml", self.path)
        if "yaml" in parts:
            shutil.copy(source / "features.yaml", self.path)
        if "python" in parts:
            own = source / "defs.py"
            shutil.copy(own if own.exists() else GOLDEN / "repo" / "defs.py", self.path)
        DATA[name](self.path / "data")

    # --- the two programs
    def rs(self, *args, **env):
        """Runs feast-rs; the caller looks at the answer."""
        binary = os.environ.get("FEAST_RS")
        assert binary, "FEAST_RS must name the binary"
        all_env = {"PATH": os.environ["PATH"], "HOME": str(self.path), "TZ": "UTC", **env}
        done = subprocess.run([binary, *args], cwd=self.path, env=all_env, capture_output=True, text=True, timeout=60)
        return Answer(done.returncode, done.stdout, done.stderr)

    def rs_json(self, *args, **env):
        return self.rs(*args, "-o", "json", **env).ok().json()

    def feast(self, *args, **env):
        return self.feast_cli.run(self.path, args, {"TZ": "UTC", **env})

    def store(self):
        """Feast's FeatureStore of this repo, in this process."""
        from feast import FeatureStore
        from feast.repo_config import load_repo_config

        config = load_repo_config(self.path, self.path / "feature_store.yaml")
        # a relative path would be taken from the directory of this process
        registry = config.registry
        registry.path = f"sqlite:///{self.registry_path}" if registry.registry_type == "sql" else str(self.path / registry.path)
        return FeatureStore(config=config)

    # --- what they do most
    def rs_applied(self):
        self.rs("apply").ok()
        return self

    def rs_materialized(self):
        self.rs_applied().rs("materialize", *WINDOW).ok()
        return self

    def feast_applied(self):
        self.feast("apply").ok()
        return self

    def feast_materialized(self):
        self.feast_applied().feast("materialize", *WINDOW).ok()
        return self

    # --- the files
    @property
    def registry_path(self):
        return self.path / "data" / "registry.db"

    @property
    def online_path(self):
        return self.path / "data" / "online_store.db"

    def registry(self):
        """Every row of Feast's tables, protos parsed, without timestamps and uuids."""
        rows = check.reg(str(self.registry_path))
        rows = {table: value for table, value in rows.items() if not table.startswith(("feast_rs_", "sqlite_"))}
        rows["ddl"] = [line for line in rows["ddl"] if "feast_rs_" not in line and "sqlite_stat" not in line]
        return rows

    def online(self):
        """Every cell of Feast's columns, values parsed."""
        return _tables(self.online_path, self.project())

    def project(self):
        return (self.path / "feature_store.yaml").read_text().split("project:", 1)[1].split()[0]

    def sql(self, path, statement, *parameters):
        with sqlite3.connect(path) as db:
            return db.execute(statement, parameters).fetchall()


def _tables(path, project):
    """`check.onl` over the tables of one project alone: feast-rs keeps tables of its own beside them."""
    from feast.protos.feast.types.Value_pb2 import Value

    db, out = sqlite3.connect(path), {}
    names = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
    for table in sorted(name for name in names if name.startswith(project + "_")):
        columns = "entity_key, feature_name, value, value_text, vector_value, event_ts, created_ts, typeof(event_ts)"
        out[table] = {
            key.hex() + "|" + feature: [Value.FromString(value).SerializeToString(deterministic=True).hex(), *rest]
            for key, feature, value, *rest in db.execute(f'select {columns} from "{table}"')
        }
    db.close()
    return out


def assert_same(left, right, deliberate=()):
    """Two parsed stores are equal, apart from `deliberate`: pairs of a pattern over a line, and the reason."""
    lines = check.diff(left, right)
    lines = [line for line in lines if not any(re.search(pattern, line) for pattern, _ in deliberate)]
    assert not lines, "\n" + "\n".join(line[:400] for line in lines[:40])


# --- the parquet of each repo
def _write(path, columns):
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({name: pa.array(values, type) for name, (values, type) in columns.items()}), path)


def _fleet(data):
    shutil.copy(GOLDEN / "repo" / "data" / "driver_trips.parquet", data)


def _kinesis(data):
    hours = range(6)
    _write(data / "driver_stats.parquet", {
        "driver_id": ([1001 + hour % 2 for hour in hours], pa.int64()),
        "event_timestamp": ([T0 + dt.timedelta(hours=hour) for hour in hours], pa.timestamp("us", "UTC")),
        "conv_rate": ([hour / 8 for hour in hours], pa.float64()),
        "acc_rate": ([hour / 16 for hour in hours], pa.float64()),
        "created": ([T0 + dt.timedelta(hours=hour) for hour in hours], pa.timestamp("us", "UTC")),
    })


def _types(data):
    instant = pa.timestamp("us", "UTC")
    times = [T0 + dt.timedelta(hours=row // 2, microseconds=row) for row in range(6)]
    long_ago = T0 - dt.timedelta(days=20000, milliseconds=500)
    _write(data / "scalars.parquet", {
        "customer_id": (["a", "b"] * 3, pa.string()),
        "store_no": ([1, 2] * 3, pa.int32()),
        "ts": (times, instant),
        "made": (times, instant),
        "i32": ([1, -1, None, 5, 7, None], pa.int32()),
        "i64": ([2**53 + 1, -1, 3, 4, 2**62, 6], pa.int64()),
        "f32": ([0.1, None, 1.5, 2.5, float("inf"), 0.2], pa.float32()),
        "f64": ([0.1, 1e16, 1e-5, None, float("nan"), 1e-5], pa.float64()),
        "s": (["x", None, "", "é", "nul\0", "z"], pa.string()),
        "b": ([b"\0\xff", b"", None, b"q", b"r", b"s"], pa.binary()),
        "yes": ([True, False, None, True, False, True], pa.bool_()),
        "at": ([T0, T0, T0, T0, long_ago, None], instant),
    })
    _write(data / "lists" / "part-0.parquet", {
        "customer_id": (["a", "b", "c"], pa.string()),
        "ts": (times[:3], instant),
        "i32s": ([[1, -2], [], None], pa.list_(pa.int32())),
        "i64s": ([[1], [2, 3], None], pa.list_(pa.int64())),
        "f32s": ([[0.1], [], None], pa.list_(pa.float32())),
        "f64s": ([[0.1], [], None], pa.list_(pa.float64())),
        "ss": ([["a", ""], [], None], pa.list_(pa.string())),
        "bs": ([[b"a"], [], None], pa.list_(pa.binary())),
        "yeses": ([[True, False], [], None], pa.list_(pa.bool_())),
        "ats": ([[T0], [], None], pa.list_(pa.timestamp("us"))),
        # no nulls here: they would turn Feast's integers into floats (feast-rs keeps them exact)
        "m": ([{"a": 1}, {"a": 2}, {"a": 3}], pa.struct([("a", pa.int64())])),
        "j": (['{"a": 1}', "[1, 2]", None], pa.string()),
        "u": (["6ba7b810-9dad-11d1-80b4-00c04fd430c8"] * 2 + [None], pa.string()),
        "d": ([decimal.Decimal("1.50"), decimal.Decimal("-2.00"), None], pa.decimal128(10, 2)),
        "st": ([{"a": "x", "n": 1}, {"a": "y", "n": 2}, {"a": "", "n": 3}], pa.struct([("a", pa.string()), ("n", pa.int64())])),
    })
    for part, (customers, amounts, rows) in enumerate([(["a", "b"], [0.5, 0.25], times[:2]), (["a", "c"], [0.75, 0.125], times[2:4])]):
        _write(data / f"renamed-{part}.parquet", {"cust": (customers, pa.string()), "when": (rows, instant), "f": (amounts, pa.float64())})


def _wide(data):
    """Three rows with a value of every type; nulls where Feast keeps the type of the column in spite of them."""
    instant, two = pa.timestamp("us", "UTC"), decimal.Decimal
    times = [T0 + dt.timedelta(hours=hour) for hour in range(3)]
    ids = ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8", None]
    pairs = pa.struct([("name", pa.string()), ("count", pa.int64())])
    columns = {
        "user_id": ([1, 2, 3], pa.int64()), "item_id": (["a", "b", "c"], pa.string()), "at": (times, instant), "digest": ([b"\0", b"1", b"2"], pa.binary()),
        "small": ([1, 2, 3], pa.int32()), "ts": (times, instant), "made": (times, instant),
        "i32": ([1, -(2**31), 2**31 - 1], pa.int32()), "i64": ([-(2**63), 2**63 - 1, 0], pa.int64()), "f32": ([0.1, None, -0.0], pa.float32()), "f64": ([1e300, 5e-324, None], pa.float64()),
        "text": (["", None, "a\nb\u00e9\U0001f600"], pa.string()), "raw": ([b"\0\xff", None, b"x"], pa.binary()), "flag": ([True, False, None], pa.bool_()), "seen": ([T0, T0 - dt.timedelta(days=40000, microseconds=1), None], instant),
        "price": ([two("1.50"), two("-0.01"), None], pa.decimal128(20, 2)), "id4": (ids, pa.string()), "id1": (ids, pa.string()), "doc": (['{"a": [1, null]}', "true", None], pa.string()), "amount_in_cents": ([100, 200, 300], pa.int64()),
        "li32": ([[1], [], None], pa.list_(pa.int32())), "li64": ([[2**53 + 1], [], None], pa.list_(pa.int64())), "lf32": ([[0.1, None], [], None], pa.list_(pa.float32())), "lf64": ([[0.1], [], None], pa.list_(pa.float64())),
        "ltext": ([["a", None], [], None], pa.list_(pa.string())), "lraw": ([[b"a", None], [], None], pa.list_(pa.binary())), "lflag": ([[True, None], [], None], pa.list_(pa.bool_())), "lseen": ([[T0], [], None], pa.list_(pa.timestamp("us"))),
        "pair": ([{"name": "x", "count": 1}, {"name": "", "count": -1}, {"name": "z", "count": 0}], pairs), "box": ([{"a": 1.5}, {"a": 2.5}, {"a": 0.5}], pa.struct([("a", pa.float64())])),
        "embedding": ([[0.5] * 64] * 3, pa.list_(pa.float32())),
    }
    _write(data / "wide.parquet", columns)
    text, floats = pa.list_(pa.string()), pa.list_(pa.struct([("a", pa.float32())]))
    rare = {
        "s1": text, "s2": pa.list_(pa.int64()), "s3": text, "s4": text, "pdf": pa.binary(), "image": pa.binary(), "pairs": pa.map_(pa.int64(), pa.string()),
        "l1": floats, "l2": text, "l3": text, "l4": text, "l5": floats, "l6": pa.list_(pa.list_(pa.int64())), "l7": pa.list_(pa.list_(text)), "l8": pa.list_(text), "l9": pa.list_(pa.list_(pa.int32())),
        "l10": pa.list_(pa.list_(pa.float32())), "st": pa.struct([("a", pa.float64())]),
    }
    keys = {name: columns[name] for name in ["at", "digest", "small", "ts"]}
    _write(data / "rare.parquet", keys | {name: ([None] * 3, dtype) for name, dtype in rare.items()})


DATA = {"fleet": _fleet, "functions": _kinesis, "kinesis": _kinesis, "log": _kinesis, "types": _types, "wide": _wide}
