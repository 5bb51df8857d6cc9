const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const number = (value) => value.toFixed(2).replace("-", "−");
const term = (value) => `${value < 0 ? "−" : "+"} ${number(Math.abs(value))}`;

function listed(numbers, verb) {
  const names = numbers.map((k) => k + 1);
  const text = names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
  return `${names.length > 1 ? "neurons" : "neuron"} ${text} ${names.length > 1 ? "turn" : "turns"} ${verb}`;
}

// What flips from one sign vector to another, in words.
function flips(from, to) {
  const up = [], down = [];
  from.forEach((sign, k) => {
    if (sign < 0 && to[k] > 0) up.push(k);
    if (sign > 0 && to[k] < 0) down.push(k);
  });
  const told = [];
  if (up.length) told.push(listed(up, "positive"));
  if (down.length) told.push(listed(down, "negative"));
  const sum = up.length + down.length;
  const count = sum === 1 ? "1 sign flips" : `${sum} signs flip`;
  return told.length ? `${told.join("; ")} (${count}).` : "no sign flips.";
}

function drawStrip() {
  const strip = $("strip");
  while (strip.children.length > state.m) strip.lastChild.remove();
  while (strip.children.length < state.m) strip.append(document.createElement("span"));
  found.signs.forEach((sign, k) => {
    const each = strip.children[k], text = `${k + 1}${sign > 0 ? "+" : sign < 0 ? "−" : "0"}`;
    const kind = `${sign > 0 ? "on" : ""} ${k === state.chosen ? "chosen" : ""}`.trim();
    if (each.textContent !== text) each.textContent = text;
    if (each.className !== kind) each.className = kind;
  });
}

function tellNumbers() {
  for (const id of ["m", "chosen"]) {
    const value = id === "m" ? state.m : state.chosen + 1;
    $(id).value = value;
    $(`${id}-value`).textContent = value;
  }
}

function label(x, y, text, anchor = "middle") {
  return `<text class="small" x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`;
}

function draggable(id) {
  const handle = $(id);
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    handle.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true, focusVisible: false });
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => {
    if (handle.hasPointerCapture(event.pointerId)) MOVES[id](place(event));
  });
  handle.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    STEPS[id](KEYS[event.key]);
    event.preventDefault();
  });
}

function mark(name, point) {
  state[name] = point;
  state.next = name === "a" ? "b" : "a";
  draw(false);
}

// The reader's hand: `area` is where a click marks, `at` what it marks of a place.
function listen(area, at) {
  keepWithin();
  for (const id of ["input", "bias", "weight"]) draggable(id);
  $(area).addEventListener("click", (event) => mark(state.next, at(place(event))));
  $("mark-a").addEventListener("click", () => mark("a", state.x));
  $("mark-b").addEventListener("click", () => mark("b", state.x));
  $("reseed").addEventListener("click", () => { state.seed += 1; sample(); draw(); });
  $("m").addEventListener("input", () => {
    state.m = Number($("m").value);
    $("chosen").max = state.m;
    sample();
    draw();
  });
  $("chosen").addEventListener("input", () => { state.chosen = Number($("chosen").value) - 1; draw(false); });
  $("strip").addEventListener("click", (event) => {
    const k = [...$("strip").children].indexOf(event.target);
    if (k >= 0) { state.chosen = k; draw(false); }
  });
}

