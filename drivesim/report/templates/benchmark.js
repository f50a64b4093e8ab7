// Player, examples and filters of the benchmark's page. All that they show stands in #data: rows of frames.jsonl with
// their pictures. What is shown stands in the address: #clip=..&frame=..&score=..&hide=..&tracks=off&kind=..
// &by=..&min=..
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const clips = data.clips
    .map((clip) => ({ ...clip, frames: data.frames.filter((frame) => frame.clip === clip.id) }))
    .filter((clip) => clip.frames.length);
  const filters = $("filters"); // absent where nothing could be scored
  const state = { clip: clips[0], place: 0, score: data.score, hidden: new Set(), tracks: true, timer: null, note: "" };
  const frame = () => state.clip.frames[state.place];

  // ---- what a frame holds at a score

  function boxesOf(row, score) {
    const truth = (row.truth ?? []).map((box) => {
      const hit = box.hit_at !== null && box.hit_at >= score;
      const outcome = box.outcome === "ignored" ? "ignored" : hit ? "hit" : "missed";
      return { ...box, source: "truth", outcome, layer: outcome === "hit" ? "truth" : outcome };
    });
    const found = row.found.filter((box) => box.score >= score).map((box) => {
      const layer = ["ignored", "false"].includes(box.outcome) ? box.outcome : "hits"; // unscored: nobody knows
      return { ...box, source: "found", layer };
    });
    return [...truth, ...found];
  }

  function countsOf(row, score) { // per kind: true boxes that count, those hit, false detections
    const counts = Object.fromEntries(Object.keys(row.scores).map((kind) => [kind, { boxes: 0, hits: 0, false: 0 }]));
    for (const { kind, layer } of row.truth ? boxesOf(row, score) : []) {
      counts[kind].boxes += layer === "truth" || layer === "missed";
      counts[kind].hits += layer === "truth";
      counts[kind].false += layer === "false";
    }
    return counts;
  }

  function total(row, score) {
    const all = Object.values(countsOf(row, score)), sum = (name) => all.reduce((most, one) => most + one[name], 0);
    return { boxes: sum("boxes"), hits: sum("hits"), false: sum("false") };
  }

  // ---- drawing

  function add(parent, name, attributes = {}, text = "") {
    const node = document.createElementNS(parent.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    parent.append(node);
    return node;
  }

  const jpeg = (row) => `data:image/jpeg;base64,${row.picture}`;
  const words = (text) => String(text ?? "unknown").replaceAll("_", " ");

  function drawBoxes(svg, clip, boxes, colours = false) {
    svg.setAttribute("viewBox", `0 0 ${clip.width} ${clip.height}`);
    svg.replaceChildren();
    const area = ({ box: [x1, y1, x2, y2] }) => (x2 - x1) * (y2 - y1);
    for (const box of [...boxes].sort((one, other) => area(other) - area(one))) { // the small ones can be pointed at
      const [x1, y1, x2, y2] = box.box;
      const place = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
      const rect = add(svg, "rect", { ...place, class: `${box.source} ${box.layer}` });
      const score = box.source === "found" ? ` ${box.score.toFixed(2)}` : "";
      const source = box.source === "truth" ? "true" : "detected";
      const track = (box.track ?? -1) >= 0 && $("tracked") ? `, track ${box.track}` : "";
      add(rect, "title", {}, `${source} ${words(box.category)}${score}: ${box.outcome}${track}`);
      if (colours && isTracked(box)) rect.setAttribute("style", `stroke: ${colourOf(box)}; stroke-dasharray: none`);
    }
  }

  const isTracked = (box) => box.source === "found" && (box.track ?? null) !== null;
  const colourOf = (box) => `hsl(${Math.round(box.track * 137.5) % 360} 85% 68%)`; // the golden angle: neighbours differ

  function drawIds(clip, boxes) { // in HTML, since text in the picture's px would shrink with it
    $("ids").replaceChildren();
    for (const box of boxes.filter(isTracked)) {
      const label = add($("ids"), "span", { class: "id" }, box.track), [x1, y1, , y2] = box.box;
      const room = y1 / clip.height > 0.06; // above the box, if it fits there
      label.style.left = `${(100 * x1) / clip.width}%`;
      label.style[room ? "bottom" : "top"] = `${room ? 100 - (100 * y1) / clip.height : (100 * y2) / clip.height}%`;
      label.style.background = colourOf(box);
    }
  }

  function drawStrip() {
    const strip = $("strip"), rows = state.clip.frames.map((row) => total(row, state.score));
    const most = Math.max(4, ...rows.map((row) => row.false));
    $("most").textContent = most;
    strip.setAttribute("viewBox", `0 0 ${rows.length} 60`);
    strip.replaceChildren();
    rows.forEach((row, place) => {
      const share = row.boxes ? row.hits / row.boxes : 0;
      if (row.boxes) add(strip, "rect", { class: "rail", x: place + 0.08, y: 2, width: 0.84, height: 38 });
      add(strip, "rect", { class: "hit", x: place + 0.08, y: 40 - 38 * share, width: 0.84, height: 38 * share });
      add(strip, "rect", { class: "false", x: place + 0.08, y: 41, width: 0.84, height: (18 * row.false) / most });
    });
    add(strip, "rect", { class: "cursor", id: "cursor", x: state.place, y: 0, width: 1, height: 60 });
  }

  function drawFrame() {
    const row = frame(), clip = state.clip;
    const boxes = boxesOf(row, state.score).filter((box) => !state.hidden.has(box.layer));
    const alt = `frame ${row.frame} of ${clip.id} with ${boxes.length} boxes`;
    Object.assign($("picture"), { width: clip.width, height: clip.height, src: jpeg(row), alt });
    const tracks = state.tracks && $("tracked") !== null;
    drawBoxes($("boxes"), clip, boxes, tracks);
    drawIds(clip, tracks ? boxes : []);
    $("stage").dataset.frame = `${clip.id} ${row.frame}`;
    $("stage").dataset.boxes = JSON.stringify(boxes.map((box) => [box.source, box.outcome, ...box.box]));
    $("where").textContent = `${state.note}frame ${row.frame}, ${row.time.toFixed(2)} s`;
    $("scrub").value = state.place;
    $("cursor")?.setAttribute("x", state.place);
    const crowd = row.vehicles === null ? "" : ` (vehicles ${row.vehicles}, people ${row.people})`;
    const speed = row.ego_speed === null ? "unknown" : `${(3.6 * row.ego_speed).toFixed(0)} km/h`;
    const facts = { scenario: row.scenario, "time of day": words(row.time_of_day), weather: words(row.weather),
      crowdedness: words(row.crowdedness) + crowd, "ego speed": speed };
    $("conditions").replaceChildren();
    for (const [name, value] of Object.entries(facts)) {
      add($("conditions"), "dt", {}, name);
      add($("conditions"), "dd", {}, value);
    }
    $("now").replaceChildren();
    for (const [kind, one] of Object.entries(countsOf(row, state.score))) {
      const line = add($("now"), "tr");
      for (const text of [kind, one.boxes, one.hits, one.false]) add(line, "td", {}, text);
    }
    if (row.truth === null) add(add($("now"), "tr"), "td", { colspan: 4 }, "objects unknown: not scored");
  }

  function drawAll() {
    $("clip").value = state.clip.id;
    $("scrub").max = state.clip.frames.length - 1;
    $("score").value = state.score;
    $("score-value").textContent = state.score.toFixed(2) + (state.score === data.score ? " (protocol)" : "");
    for (const box of document.querySelectorAll("[data-layer]")) box.checked = !state.hidden.has(box.dataset.layer);
    if ($("tracked")) $("tracked").checked = state.tracks;
    drawStrip();
    drawFrame();
  }

  function drawExamples(id, places) {
    for (const place of places) {
      const row = data.frames[place], clip = clips.find((one) => one.id === row.clip), sum = total(row, data.score);
      const address = `#${new URLSearchParams({ clip: row.clip, frame: row.frame })}`;
      const link = add($(id), "a", { href: address, class: "still" }), area = add(link, "span", { class: "frame" });
      const alt = `frame ${row.frame} of ${row.clip}`;
      add(area, "img", { width: clip.width, height: clip.height, src: jpeg(row), alt });
      area.append($("boxes").cloneNode());
      area.lastElementChild.removeAttribute("id");
      drawBoxes(area.lastElementChild, clip, boxesOf(row, data.score));
      const said = `${sum.hits} of ${sum.boxes} found, ${sum.false} false · ${row.clip} ${row.time.toFixed(1)} s`;
      add(link, "span", { class: "said" }, `${said} · ${words(row.time_of_day)}, ${words(row.weather)}`);
    }
    if (!places.length) add($(id), "p", { class: "soft" }, "None.");
  }

  function filterTables() {
    const { kind = "all", by = "all", min } = Object.fromEntries(new FormData(filters));
    const all = (query) => [...document.querySelectorAll(query)], rows = all("tr[data-boxes]");
    const away = (wanted, own) => wanted !== "all" && wanted !== own;
    for (const part of all("[data-kind]")) part.hidden = away(kind, part.dataset.kind);
    for (const part of all("figure[data-by]")) part.hidden = away(by, part.dataset.by);
    for (const row of rows) row.hidden = away(by, row.dataset.by) || Number(row.dataset.boxes) < Number(min);
    for (const head of all("tr.head[data-by]")) {
      let next = head.nextElementSibling, any = false;
      for (; next?.dataset.boxes; next = next.nextElementSibling) any ||= !next.hidden;
      head.hidden = !any;
    }
    const left = rows.filter((row) => !row.hidden && !row.closest("[data-kind]").hidden).length;
    $("filtered").textContent = `${left} rows`;
  }

  // ---- the address

  function readAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    state.note = "";
    if (asked.has("clip")) {
      const clip = clips.find((one) => one.id === asked.get("clip"));
      Object.assign(state, clip ? { clip, place: 0 } : { note: "that clip is not on this page; " });
    }
    if (asked.has("frame") && !state.note) {
      const far = state.clip.frames.map((row) => Math.abs(row.frame - Number(asked.get("frame"))));
      const nearest = Math.min(...far);
      state.place = Math.max(0, far.indexOf(nearest));
      if (nearest !== 0) state.note = "that frame is not on this page; the nearest: ";
    }
    if (asked.has("score")) state.score = Math.min(1, Math.max(data.lowest, Number(asked.get("score")) || 0));
    if (asked.has("tracks")) state.tracks = asked.get("tracks") !== "off";
    if (asked.has("hide")) state.hidden = new Set(asked.get("hide").split(","));
    for (const name of filters ? ["kind", "by", "min"] : []) {
      if (asked.has(name) && (name !== "min" || Number.isFinite(Number(asked.get(name))))) filters.elements[name].value = asked.get(name);
    }
    return asked.has("clip") || asked.has("frame");
  }

  function writeAddress() {
    const asked = new URLSearchParams({ clip: state.clip.id, frame: frame().frame });
    if (state.score !== data.score) asked.set("score", state.score);
    if (!state.tracks) asked.set("tracks", "off");
    if (state.hidden.size) asked.set("hide", [...state.hidden].join(","));
    for (const name of filters ? ["kind", "by", "min"] : []) asked.set(name, filters.elements[name].value);
    history.replaceState(null, "", `#${asked}`);
    $("link").href = `#${asked}`;
  }

  // ---- what people do

  function goTo(place) {
    state.note = "";
    state.place = Math.min(state.clip.frames.length - 1, Math.max(0, place));
    drawFrame();
    writeAddress();
  }

  function pause() {
    clearTimeout(state.timer);
    state.timer = null;
    $("play").textContent = "▶ play";
  }

  function goStill(place) {
    pause();
    goTo(place);
  }

  function play() {
    const rows = state.clip.frames, following = rows[state.place + 1];
    if (!following) return pause();
    $("play").textContent = "❚❚ pause";
    const wait = Math.min(500, 1000 * (following.time - frame().time)); // as it was, but at least 2 a second
    state.timer = setTimeout(() => { goTo(state.place + 1); play(); }, wait);
  }

  function toggle() {
    if (state.timer) return pause();
    if (state.place === state.clip.frames.length - 1) goTo(0); // at the end: from the start
    play();
  }

  function onKey(event) {
    const on = event.target, keys = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.ctrlKey || event.altKey || event.metaKey || !(on === document.body || $("player").contains(on))) return;
    if (event.key in keys && !on.matches("select, #score")) {
      goStill(state.place + keys[event.key]);
    } else if (event.key === " " && !on.matches("select, button, a, input[type=checkbox]") && on !== document.body) {
      toggle();
    } else return;
    event.preventDefault();
  }

  function stripPlace(event) {
    const area = $("strip").getBoundingClientRect();
    return Math.floor(((event.clientX - area.left) / area.width) * state.clip.frames.length);
  }

  $("boxes").onpointerover = (event) => { $("pointed").textContent = event.target.textContent; };
  for (const clip of clips) add($("clip"), "option", { value: clip.id }, clip.id);
  $("clip").onchange = () => {
    Object.assign(state, { clip: clips.find((clip) => clip.id === $("clip").value), place: 0 });
    drawAll();
    goStill(0);
  };
  $("scrub").oninput = () => goStill(Number($("scrub").value));
  $("back").onclick = () => goStill(state.place - 1);
  $("next").onclick = () => goStill(state.place + 1);
  $("play").onclick = toggle;
  $("score").oninput = () => { state.score = Number($("score").value); drawAll(); writeAddress(); };
  $("strip").onpointerdown = (event) => goStill(stripPlace(event));
  $("strip").onpointermove = (event) => event.buttons && goStill(stripPlace(event));
  for (const box of document.querySelectorAll("[data-layer]")) {
    box.onchange = () => {
      state.hidden[box.checked ? "delete" : "add"](box.dataset.layer);
      goTo(state.place);
    };
  }
  if ($("tracked")) $("tracked").onchange = () => { state.tracks = $("tracked").checked; goTo(state.place); };
  filters?.addEventListener("input", () => { filterTables(); writeAddress(); });
  filters?.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", () => { pause(); show(); });

  function show() {
    const asked = readAddress();
    drawAll();
    if (filters) filterTables();
    if (asked) {
      $("player").scrollIntoView({ block: "start" });
      $("player").focus({ preventScroll: true });
    }
  }

  drawExamples("worst", data.worst);
  drawExamples("best", data.best);
  show();
})();
