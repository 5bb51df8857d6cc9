// ---- the book around it ---------------------------------------------------------------------

function $(id) {
  return document.getElementById(id);
}

// The book turns its pages by arrow keys; in here they are ours. A form sends nothing anywhere.
function keepWithin() {
  document.addEventListener("keydown", (event) => event.stopPropagation());
  $("controls").addEventListener("submit", (event) => event.preventDefault());
}

// Where an event happened, in units of a drawing.
function within(svg, event) {
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
}

function outer() {
  try {
    return window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    return null; // another origin, such as a page opened as a file
  }
}

// Light or dark as the book is, or else the system; `then` runs now and after every change.
function wearTheme(then = () => {}) {
  const dark = matchMedia("(prefers-color-scheme: dark)"), book = outer();
  const wear = () => {
    document.documentElement.dataset.theme = book?.dataset.theme || (dark.matches ? "dark" : "light");
    then();
  };
  dark.addEventListener("change", wear);
  if (book) new MutationObserver(wear).observe(book, { attributeFilter: ["data-theme"] });
  wear();
}

function fitFrame() {
  if (!outer()) return;
  const fit = () => { window.frameElement.style.height = `${document.body.offsetHeight + 2}px`; };
  new ResizeObserver(fit).observe(document.body);
}
