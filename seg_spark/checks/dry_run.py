"""What a run would read, do and write, found out without Spark and without writing anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from seg_spark import columns as c
from seg_spark.errors import SettingsError
from seg_spark.input.files import find_input_files, input_path, is_local
from seg_spark.proposal.init import scalar
from seg_spark.reporting.summary import readable_bytes, short_path
from seg_spark.settings.feature import Feature
from seg_spark.settings.paths import path_scheme, refuse_overlap
from seg_spark.settings.schema import Settings
from seg_spark.steps.fingerprint import fingerprint_of, published_with
from seg_spark.storage import layout
from seg_spark.storage.commits import active_model, clean_table, commit_of, last_labelled, latest_commit, needed_model
from seg_spark.storage.readers import files_at
from seg_spark.storage.retention import refuse_old_date
from seg_spark.storage.store import Files

_CLEAN: Final = (c.CLEAN_CUSTOMERS, c.REJECTED_CUSTOMERS)
_LABELS: Final = (c.SEGMENT_PROFILES, c.CUSTOMER_SEGMENTS)
_WRITES: Final = {"nightly": (*_CLEAN, *_LABELS), "clean": _CLEAN, "fit": (), "label": _LABELS}
_DONE_BY: Final = {
    "nightly": ("clean", "fit", "label"),
    "clean": ("clean",),
    "fit": ("fit",),
    "label": ("label",),
}


@dataclass(frozen=True)
class PlanLine:
    """One line of a plan: what kind of thing it is (reads, cleans, fits, writes, ...), and the thing."""

    what: str
    text: str


def plan_of(command: str, settings: Settings, run_date: date) -> tuple[PlanLine, ...]:
    """What `nightly`, `clean`, `fit` or `label` would do for a date, in order.

    Raises what the run would raise before it starts Spark: SettingsError for an input inside the output, or a date that
    publish.keep_dates would not keep, InputError for an input that is not there, or a step that was not run before.
    """
    store = files_at(settings.output.path)
    refuse_old_date(latest_commit(store), run_date, settings.publish.keep_dates)
    lines: list[PlanLine] = []
    if "clean" in _DONE_BY[command]:
        lines += _reads_input(settings, run_date)
        lines += _cleans(settings)
    else:
        lines.append(PlanLine("reads", _published_customers(store, run_date)))
    if "fit" in _DONE_BY[command]:
        lines += _fits(settings)
        before = last_labelled(store, run_date)
        if command == "nightly" and before is not None:
            lines.append(PlanLine("refits", _refits(settings, before.run_date)))
    elif command == "label":
        lines.append(PlanLine("reads", f"model {needed_model(store, run_date).model_id}"))
    lines += [PlanLine("writes", text) for text in _writes(command, store, run_date)]
    if command == "nightly":
        published = published_with(fingerprint_of(settings, store, run_date), store, run_date)
        if published is not None:
            alike = f"run {published.run_id} has published the same input with the same settings"
            lines.append(PlanLine("skips", f"all of this, unless with --force: {alike}"))
        elif not is_local(settings.input) and settings.input.format != "table":
            lines.append(PlanLine("skips", "all of this if the same input is published already; not checked"))
    return tuple(lines)


def _reads_input(settings: Settings, run_date: date) -> Iterator[PlanLine]:
    path = input_path(settings.input, run_date)
    if settings.input.format == "table":
        yield PlanLine("reads", f"the catalog's table {path}")
        return
    try:
        refuse_overlap(path, settings.output.path)
    except ValueError as error:
        raise SettingsError(f"{error} (for {run_date})") from None
    found = find_input_files(settings.input, run_date)
    known = f"{len(found.files):,} {'file' if len(found.files) == 1 else 'files'}, {readable_bytes(found.total_bytes)}"
    yield PlanLine("reads", f"{path}: {known if is_local(settings.input) else 'not checked'}, {settings.input.format}")


def _cleans(settings: Settings) -> Iterator[PlanLine]:
    yield PlanLine("id", repr(settings.customer_id))
    for name in settings.features.columns:
        yield PlanLine("feature", _feature(name, settings.features.source_of(name), settings.features.columns[name]))
    for rule in settings.cleaning.exclude:
        condition = f"is one of {scalar(list(rule.values))}" if rule.is_true is None else "is true"
        yield PlanLine("excludes", f"rows whose {rule.column!r} {condition}")
    if settings.input.order_by is not None:
        yield PlanLine("duplicates", f"the row with the highest {settings.input.order_by!r} wins")
    yield PlanLine("stops", f"when more than {100 * settings.cleaning.max_rejected_share:g}% of the rows are rejected")
    ratio = settings.cleaning.min_customers_ratio
    if ratio is not None:
        yield PlanLine("stops", f"when fewer customers are accepted than {100 * ratio:g}% of those before")


def _feature(name: str, source: str, feature: Feature) -> str:
    rules = feature.model_dump(mode="json", exclude_defaults=True, exclude={"source", "kind"})
    stated = ", ".join(f"{key}: {scalar(value)}" for key, value in rules.items())
    return f"{name}: {feature.kind} from {source!r}" + (f" ({stated})" if stated else "")


def _fits(settings: Settings) -> Iterator[PlanLine]:
    ks, selection = settings.clustering.k, settings.selection
    yield PlanLine(
        "fits",
        f"k = {ks.min} to {ks.max} on up to {settings.training.max_customers:,} customers, "
        f"{settings.features.scaling} scaling" + (", refined" if settings.clustering.refine else ""),
    )
    rule = f"k = {selection.k}, fixed" if selection.rule == "fixed" else f"k by {selection.rule}"
    yield PlanLine("chooses", f"{rule}, no segment below {100 * selection.min_segment_share:g}% of the customers")


def _refits(settings: Settings, before: date) -> str:
    policy = settings.refit.policy
    shown = policy if isinstance(policy, str) else f"every {policy.every} dates"
    return f"by refit.policy ({shown}); else the model published for {before} labels"


def _writes(command: str, store: Files, run_date: date) -> Iterator[str]:
    tables = commit_of(store, run_date).tables
    written = _WRITES[command]
    version = "" if path_scheme(store.root) == "file" else f"/{layout.run_folder('<run_id>')}"
    if c.CUSTOMER_SEGMENTS in written and last_labelled(store, run_date) is not None:
        written = (*written, c.SEGMENT_TRANSITIONS)
    for table in written:
        entry = tables.get(table)
        state = f"replaces {entry.rows:,} rows of run {entry.run_id}" if entry else "new"
        yield f"{_shown(store, layout.partition(table, run_date))}{version}: {state}"
    if "fit" in _DONE_BY[command]:
        active = active_model(store, run_date)
        state = f"now active: {active.model_id}" if active else "the first"
        yield f"{_shown(store, layout.model('<model_id>'))}{version}: {state}"
    yield f"{_shown(store, layout.records(run_date))}/<run_id>.json: the run record"


def _published_customers(store: Files, run_date: date) -> str:
    rows = clean_table(store, run_date).rows
    return f"{_shown(store, layout.partition(c.CLEAN_CUSTOMERS, run_date))}: {rows:,} customers"


def _shown(store: Files, path: str) -> str:
    return short_path(f"{store.root}/{path}")
