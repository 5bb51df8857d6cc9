// A direction in a plane: its handle on a ring, its angle also on a chart below or beside it. The
// page says what hangs on the angle, by `aim`, and how it is set, by `moveTo`.
const STEPS = 360, TURN = 2 * Math.PI, CENTRE = 180;
const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 15, PageDown: -15 };
let turning = 0;

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function set(id, attributes) {
  for (const [key, value] of Object.entries(attributes)) $(id).setAttribute(key, value);
}

const across = (degrees) => CHART.left + ((CHART.right - CHART.left) * degrees) / 360;
const wrapped = (degrees) => ((Math.round(degrees) % 360) + 360) % 360;

function drawDots(places) {
  $("dots").replaceChildren(...places.map(([p, q]) => {
    const [cx, cy] = onPlane(p, q);
    return element("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1) });
  }));
}

function draggable(id, angleAt) {
  const svg = $(id);
  const follow = (event) => moveTo(angleAt(within(svg, event)));
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stop();
    svg.setPointerCapture(event.pointerId);
    follow(event);
    $("handle").focus({ preventScroll: true, focusVisible: false });
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    if (svg.hasPointerCapture(event.pointerId)) follow(event);
  });
}

function key(event) {
  const target = { Home: 0, End: 359 }[event.key] ?? state.theta + KEYS[event.key];
  if (Number.isNaN(target) || event.ctrlKey || event.altKey || event.metaKey) return;
  stop();
  moveTo(target);
  event.preventDefault();
}

function stop() {
  cancelAnimationFrame(turning);
  turning = 0;
  $("turn").textContent = "Turn once";
}

// Once round by so many degrees a step; asked again, it stops.
function turnBy(degrees) {
  if (turning) return stop();
  $("turn").textContent = "Stop";
  let left = STEPS;
  const step = () => {
    moveTo(state.theta + degrees);
    left -= degrees;
    if (left > 0) turning = requestAnimationFrame(step);
    else stop();
  };
  turning = requestAnimationFrame(step);
}

function listenToHand() {
  keepWithin();
  $("handle").addEventListener("keydown", key);
  draggable("plane", ({ x, y }) => (Math.atan2(CENTRE - y, x - CENTRE) / TURN) * 360);
  draggable("chart", ({ x }) =>
    Math.min(Math.max((360 * (x - CHART.left)) / (CHART.right - CHART.left), 0), 359));
}
