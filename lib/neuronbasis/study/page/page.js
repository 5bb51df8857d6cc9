"use strict";
(() => {
  const study = JSON.parse(document.getElementById("study").textContent);
  const served = document.body.dataset.served === "yes";
  const place = `study ${study.id}`;
  const header = "study,participant,session,trial,position,answer,milliseconds,interruptions,time,check";
  const blank = 250; // milliseconds of empty screen before a trial: a key held down answers nothing
  const trials = new Map(study.trials.map(each => [each.id, each]));
  const at = id => document.getElementById(id);
  const wait = time => new Promise(done => setTimeout(done, time));
  const frame = () => new Promise(done => requestAnimationFrame(done));

  // ---- what is kept -------------------------------------------------------------------------
  // lines: rows of this session's file; views: how often the present trial was shown; queue: rows
  // of whatever session that the server has not confirmed; earlier: rows of sessions before.
  const fresh = (queue, earlier) => ({ session: "", participant: 0, order: [], lines: [], views: 0,
    saved: false, refused: "", queue, earlier });
  let state = fresh([], []);
  try { state = { ...state, ...JSON.parse(localStorage.getItem(place) ?? "{}") }; } catch { /* none */ }

  function keep() {
    try { localStorage.setItem(place, JSON.stringify(state)); } catch {
      tell({ kept: "This browser keeps nothing: do not reload, and save the answers at the end." });
    }
  }
  // Three things may want to be told at once: none of them takes another's place.
  const told = { kept: "", picture: "", server: "" };
  const tell = news => {
    Object.assign(told, news);
    at("status").textContent = Object.values(told).filter(Boolean).join(" ");
  };

  function fingerprint(text) { // FNV-1a, as in the library
    let value = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
    return (value >>> 0).toString(16).padStart(8, "0");
  }
  const isRight = (id, side) => fingerprint(`${study.salt}:${id}:${side}`) === trials.get(id).mark;

  function save(lines, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([[header, ...lines, ""].join("\n")], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
  function saveMine() {
    save(state.lines, `participant-${state.participant}-${state.session.slice(0, 6)}.csv`);
    state.saved = true;
    keep();
  }

  // ---- screens ------------------------------------------------------------------------------
  function screen(name) {
    for (const each of document.querySelectorAll("main > section")) each.hidden = each.id !== name;
    document.body.dataset.screen = name;
  }

  function welcome() {
    at("number").hidden = at("participant").disabled = served || study.demo;
    at("consent").hidden = at("consented").hidden = at("agree").disabled = study.demo;
    at("where").textContent = served
      ? "Your answers are sent to the computer that serves this page, and nowhere else."
      : "Your answers stay in this browser until you save them as a file.";
    at("participant").value = new URLSearchParams(location.search).get("participant") ?? "";
    at("kept").hidden = study.demo || state.earlier.length === 0;
    screen("welcome");
  }

  async function begin() {
    const session = [...crypto.getRandomValues(new Uint8Array(8))]
      .map(byte => byte.toString(16).padStart(2, "0")).join("");
    at("problem").textContent = "";
    let number = study.demo ? 1 : Number(at("participant").value);
    if (!served && state.earlier.some(line => Number(line.split(",")[1]) === number)) {
      at("problem").textContent = `Number ${number} has taken part in this browser: use another one.`;
      return;
    }
    if (served) {
      try {
        const reply = await post("participants", "application/json", JSON.stringify({ session }));
        if (!reply.ok) throw new Error(await reply.text());
        number = (await reply.json()).participant;
      } catch (error) {
        at("problem").textContent = `The server gave no number (${error.message}). Try again.`;
        return;
      }
    }
    state = { ...fresh(state.queue, state.earlier), session, participant: number, order: drawn() };
    keep();
    // Where a browser refuses, as in a frame, the trial fills the window.
    if (!study.demo) document.documentElement.requestFullscreen?.().catch(() => {});
    present();
  }

  function drawn() { // practice first, then main and catch trials in an order of one's own
    const order = study.trials.filter(each => each.kind !== "practice").map(each => each.id);
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return [...study.trials.filter(each => each.kind === "practice").map(each => each.id), ...order];
  }

  // ---- a trial ------------------------------------------------------------------------------
  let shown = 0, turn = 0; // a turn that is over when its pictures arrive shows nothing
  const accept = yes => { document.body.dataset.open = yes; };
  const accepts = () => document.body.dataset.open === "true";

  const source = (id, side) => study.inside[`${id}-${side}.png`] ?? `pictures/${id}-${side}.png`;

  async function present() {
    const index = state.lines.length, mine = ++turn;
    accept(false);
    if (index === state.order.length) return finish();
    const id = state.order[index];
    at("rows").classList.add("blank");
    at("top").classList.remove("right");
    at("bottom").classList.remove("right");
    at("progress").value = index / state.order.length;
    at("count").textContent = `${index + 1} of ${state.order.length}`;
    at("hint").textContent = trials.get(id).kind === "practice"
      ? "Practice: you will be told which row is in order" : "";
    document.body.dataset.trial = id;
    document.activeElement?.blur();
    screen("trial");
    const images = ["top", "bottom"].map(side => at(side).querySelector("img"));
    images[0].src = source(id, "top");
    images[1].src = source(id, "bottom");
    try {
      await Promise.all([wait(blank), ...images.map(each => each.decode())]);
    } catch {
      if (mine === turn) { pause(); tell({ picture: "A picture did not load. Go on to try it again." }); }
      return;
    }
    if (mine !== turn) return;
    at("rows").classList.remove("blank");
    await frame();
    if (mine !== turn) return;
    state.views += 1;
    keep();
    shown = performance.now();
    accept(true);
    const next = state.order[index + 1];
    if (next) for (const side of ["top", "bottom"]) new Image().src = source(next, side);
  }

  async function answer(side, when) {
    if (!accepts()) return;
    accept(false);
    const id = state.order[state.lines.length], mine = turn;
    const row = [study.id, state.participant, state.session, id, state.lines.length + 1, side,
      Math.max(0, Math.round(when - shown)), state.views - 1,
      new Date().toISOString().slice(0, 19) + "Z"].join(",");
    state.lines.push(`${row},${fingerprint(row)}`);
    if (served) state.queue.push(state.lines.at(-1));
    state.views = 0;
    state.saved = false;
    keep();
    deliver();
    if (trials.get(id).kind === "practice") {
      const right = isRight(id, side);
      at(right ? side : side === "top" ? "bottom" : "top").classList.add("right");
      at("hint").textContent = right ? "Right: this row changes step by step" : "No: the other row is in order";
      await wait(1200);
      if (mine !== turn) return;
    }
    present();
  }

  function pause() {
    if (document.body.dataset.screen !== "trial") return;
    turn += 1;
    accept(false);
    at("so-far").textContent =
      `Participant ${state.participant}: ${state.lines.length} of ${state.order.length} trials answered.`;
    screen("paused");
  }

  function finish() {
    screen("done");
    delete document.body.dataset.trial;
    at("score").textContent = study.demo ? score() : "";
    at("save").textContent = served ? "Save a copy of the answers" : "Save the answers";
    delivered();
  }

  function score() {
    const tally = new Map();
    for (const line of state.lines) {
      const [, , , id, , side] = line.split(",");
      const { kind, basis } = trials.get(id);
      if (kind !== "main") continue;
      for (const name of ["", basis]) {
        const [right, all] = tally.get(name) ?? [0, 0];
        tally.set(name, [right + isRight(id, side), all + 1]);
      }
    }
    const told = { pc: "principal components", neuron: "neurons", random: "random directions" };
    const of = name => `${tally.get(name)[0]} of ${tally.get(name)[1]}`;
    const each = Object.keys(told).filter(name => tally.has(name)).map(name => `${told[name]} ${of(name)}`);
    return `You were right in ${of("")} trials: ${each.join(", ")}. Guessing is right in half of them.`;
  }

  // ---- the server of a classroom --------------------------------------------------------------
  const post = (address, type, body) =>
    fetch(address, { method: "POST", headers: { "content-type": type }, body, signal: AbortSignal.timeout(20000) });
  let delivering = false;

  async function deliver() { // until the server has confirmed every row
    if (!served || delivering) return;
    delivering = true;
    for (let delay = 500; state.queue.length > 0;) {
      const session = state.queue[0].split(",")[2];
      const lines = state.queue.filter(line => line.split(",")[2] === session).slice(0, 50);
      try {
        const reply = await post("answers", "text/csv", [header, ...lines, ""].join("\n"));
        const refused = reply.status < 500 && reply.status !== 408 && !reply.ok;
        if (!reply.ok && !refused) throw new Error(reply.statusText);
        if (refused) state.refused = (await reply.text()).split("\n")[0];
        state.queue = state.queue.filter(line => !lines.includes(line));
        delay = 500;
      } catch {
        await wait(delay);
        delay = Math.min(2 * delay, 10000);
      }
      keep();
      delivered();
    }
    delivering = false;
  }

  function delivered() {
    const left = state.queue.length;
    if (served) {
      tell({ server: state.refused
        ? `The server refused an answer (${state.refused}): save the answers as a file.`
        : left > 1 ? `${left} answers wait for the server.` : "" });
    }
    if (document.body.dataset.screen !== "done") return;
    const arrived = served && left === 0 && !state.refused;
    at("delivery").textContent = study.demo ? "" : arrived
      ? "All your answers have arrived. You may close this page."
      : served && !state.refused ? `${left} answers have not arrived yet: leave this page open.`
      : "Please save your answers as a file now.";
    at("next").disabled = !(arrived || state.saved || study.demo);
    at("next").textContent = study.demo ? "Once more" : "Next participant";
  }

  // ---- hands ----------------------------------------------------------------------------------
  function another() {
    // Rows that the server has need no place here; others must not be lost.
    const safe = study.demo || (served && state.queue.length === 0 && !state.refused);
    state = fresh(state.queue, [...state.earlier, ...(safe ? [] : state.lines)]);
    keep();
    tell({ picture: "", server: "" });
    welcome();
  }
  at("start").addEventListener("submit", event => { event.preventDefault(); begin(); });
  for (const side of ["top", "bottom"]) {
    at(side).addEventListener("click", event => answer(side, event.timeStamp));
  }
  at("pause").addEventListener("click", pause);
  at("resume").addEventListener("click", () => { tell({ picture: "" }); present(); });
  at("save-so-far").addEventListener("click", saveMine);
  at("save").addEventListener("click", () => { saveMine(); delivered(); });
  at("save-kept").addEventListener("click", () => save(state.earlier, `study-${study.id}-kept.csv`));
  at("other").addEventListener("click", another);
  at("next").addEventListener("click", another);
  addEventListener("keydown", event => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    const on = document.body.dataset.screen;
    if (on === "trial") {
      if (event.key === "ArrowUp" || event.key === "ArrowDown") {
        event.preventDefault();
        answer(event.key === "ArrowUp" ? "top" : "bottom", event.timeStamp);
      } else if (event.key.toLowerCase() === "p") pause();
    } else if (on === "paused" && event.key.toLowerCase() === "p") at("resume").click();
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden) pause(); });
  addEventListener("storage", event => { // two windows would overwrite each other's answers
    if (event.key !== place) return;
    turn += 1;
    accept(false);
    screen("elsewhere");
  });

  if (!state.session) welcome();
  else if (state.lines.length === state.order.length) finish();
  else { screen("trial"); pause(); }
  deliver();
})();
