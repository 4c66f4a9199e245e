"use strict";
(() => {
  const { model, distributions } = JSON.parse(document.getElementById("data").textContent);
  const segments = [...model.segments].sort((a, b) => a.cluster - b.cluster);
  const byName = Object.fromEntries(distributions.map((one) => [one.feature, one]));
  const shown = (name) => name.replace(/_/g, " ");

  // --- distributions -------------------------------------------------------------------------------
  const picker = document.getElementById("segment");
  const draw = () => {
    const id = picker.value;
    for (const path of document.querySelectorAll("path.own")) {
      const one = byName[path.dataset.feature];
      const shares = one.segments[id] || [];
      const every = [...one.all, ...Object.values(one.segments).flat()];
      const scale = 88 / (Math.max(...every) || 1);
      const width = 300 / Math.max(1, shares.length);
      let d = shares.length ? "M0 90" : "";
      for (const share of shares) d += `V${(90 - share * scale).toFixed(1)}h${width.toFixed(2)}`;
      path.setAttribute("d", d ? `${d}V90` : "");
      path.setAttribute("class", `own c${(Number(id) - 1) % 12}`);
    }
  };
  if (picker) {
    picker.addEventListener("change", draw);
    draw();
  }

  // --- one customer: the formulas of the batch -----------------------------------------------------
  const axesOf = (feature, raw) => {
    if (feature.kind === "number") {
      let value = raw === "" ? feature.fill : Number(raw);
      if (feature.clip) value = Math.min(Math.max(value, feature.clip[0]), feature.clip[1]);
      if (feature.transform === "log1p") value = Math.log(1 + value);
      return [(value - feature.shift) * feature.scale];
    }
    let level = raw === "" ? feature.fill : raw === "?" ? undefined : raw.slice(1);
    if (feature.folded.includes(level)) level = "other";
    return feature.levels.map((known) => (level === known ? feature.weight : 0));
  };
  const refusal = (feature, raw) => {
    const name = feature.label || shown(feature.name);
    if (raw === "") return feature.reject_missing ? `${name} is missing` : null;
    if (feature.kind !== "number") return null;
    const value = Number(raw);
    if (!Number.isFinite(value)) return `${name} is not a number`;
    const [low, high] = feature.valid || [null, null];
    if ((low !== null && value < low) || (high !== null && value > high)) {
      const limits = [low === null ? "" : `from ${low}`, high === null ? "" : `up to ${high}`].filter(Boolean).join(" ");
      return `${name} is out of range (accepted: ${limits})`;
    }
    return null;
  };
  const answer = (values) => {
    const reasons = model.features.map((one) => refusal(one, values[one.name] ?? "")).filter(Boolean);
    if (reasons.length) return { reasons };
    const parts = model.features.map((one) => axesOf(one, values[one.name] ?? ""));
    const point = parts.flat();
    const squared = segments.map((one) => point.reduce((sum, x, i) => sum + (x - one.centre[i]) * (x - one.centre[i]), 0));
    const order = segments.map((_, i) => i).sort((a, b) => squared[a] - squared[b] || a - b);
    const [nearest, runnerUp] = [segments[order[0]], segments[order[1]]];
    const [least, second] = [squared[order[0]], squared[order[1]]];
    let axis = 0;
    const gaps = parts.map((own, i) => {
      const gap = own.reduce((sum, x, j) => sum + (x - runnerUp.centre[axis + j]) ** 2 - (x - nearest.centre[axis + j]) ** 2, 0);
      axis += own.length;
      return { feature: model.features[i], gap };
    });
    return {
      nearest, runnerUp, distance: Math.sqrt(least),
      margin: second > 0 ? 1 - Math.sqrt(least) / Math.sqrt(second) : 0,
      deciding: gaps.sort((a, b) => b.gap - a.gap).map((one) => ({ ...one, share: one.gap / (second - least || 1) })),
    };
  };
  window.segSpark = { answer };

  const form = document.getElementById("ask");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const output = document.getElementById("answer");
    output.replaceChildren();
    const say = (text) => output.append(Object.assign(document.createElement("p"), { textContent: text }));
    const invalid = [...form.elements].find((one) => one.validity && one.validity.badInput);
    if (invalid) return say(`${shown(invalid.name)} is not a number`);
    const found = answer(Object.fromEntries(new FormData(form)));
    if (found.reasons) return say(`No segment: ${found.reasons.join("; ")}.`);
    const clear = found.margin < 0.05 ? "between the two" : found.margin < 0.5 ? "nearer to its own than to any other" : "clear-cut";
    say(`Segment ${found.nearest.segment_id} · ${found.nearest.name}`);
    if (found.nearest.description) say(`On average: ${found.nearest.description}.`);
    const far = found.distance > found.nearest.outlier_distance ? " (further out than 99.5 % of its customers: an outlier)" : "";
    say(`Distance ${found.distance.toFixed(3)}${far}; runner-up: ${found.runnerUp.segment_id} · ${found.runnerUp.name}; margin ${found.margin.toFixed(3)} (${clear}).`);
    const decided = found.deciding.filter((one) => one.share >= 0.05).slice(0, 3);
    if (decided.length) say(`Decided by: ${decided.map((one) => `${one.feature.label || shown(one.feature.name)} (${Math.round(Math.min(one.share, 1) * 100)} %)`).join(", ")}.`);
  });
})();
