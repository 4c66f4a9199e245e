"""The raw columns that the settings speak of. No Spark here."""

from seg_spark.settings.schema import Settings


def used_columns(settings: Settings) -> dict[str, str]:
    """The raw columns the settings speak of: header -> the setting that names it."""
    named = {settings.customer_id: "customer_id"}
    if settings.input.order_by is not None:
        named.setdefault(settings.input.order_by, "input.order_by")
    for name in settings.features.columns:
        named.setdefault(settings.features.source_of(name), f"features.columns.{name}")
    for rule in settings.cleaning.exclude:
        named.setdefault(rule.column, "cleaning.exclude")
    return named
