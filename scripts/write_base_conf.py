"""Write conf/base.yml anew from the settings schema: `.venv/bin/python scripts/write_base_conf.py`."""

from pathlib import Path

from seg_spark.settings.base_conf import base_conf_text

if __name__ == "__main__":
    (Path(__file__).resolve().parent.parent / "conf" / "base.yml").write_text(base_conf_text(), encoding="utf-8")
